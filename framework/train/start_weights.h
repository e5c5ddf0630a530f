// The weights that the encoders of a fresh run start from: encoder.weights.
#pragma once

#include <string>

#include "framework/encoders/encoder.h"
#include "framework/log/log.h"
#include "framework/train/encoder_spec.h"
#include "framework/train/weights.h"

namespace nearfar {

/// A file of weights, read once.
struct StartWeights {
  SafetensorsFile file;
  std::string hash;  // XXH3-128 of the whole file
  EncoderSpec spec;
};

/// Reads config.weights (a run, a checkpoint, a file of anyone's). Throws CheckpointError when it
/// cannot be read or is not the file of config.weights_hash.
StartWeights read_start_weights(const EncoderConfig& config, Log& log);

/// Gives the weights to an encoder of config.name. Throws CheckpointError where they do not fit.
WeightsReport start_from(const StartWeights& start, const EncoderConfig& config, Encoder& encoder);

}  // namespace nearfar
