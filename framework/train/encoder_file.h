// encoder.safetensors: the result of a run, loadable by torchvision, timm and nearfar.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "augment/render.h"
#include "framework/encoders/encoder.h"
#include "framework/log/log.h"
#include "framework/train/configure.h"

namespace nearfar {

/// The bytes of encoder.safetensors, with its metadata: encoder, recipe, nearfar, config_hash,
/// mean, std, input_size for users; and stem, width, channels, seed, step, which build the encoder
/// again. `image_size` is that of the recipe's first view.
std::vector<uint8_t> encode_encoder(const ResolvedRun& run, Encoder& encoder, int64_t image_size,
                                    int64_t step);

/// An encoder ready to judge, in eval mode, and what its images must look like.
struct LoadedEncoder {
  std::shared_ptr<Encoder> encoder;
  EncoderConfig config;
  Normalize normalize;
  int64_t channels = 3;
  int64_t image_size = 224;
  uint64_t seed = 0;   // of its initial weights
  std::string source;  // the file it came from
};

/// Loads the encoder of a run's folder (its result, or its newest checkpoint), of a checkpoint
/// folder gen-N, or of a .safetensors file. A file without nearfar's metadata needs `name`
/// (torchvision's or timm's weights; a classifier fc.* in it is left out) and is taken to want
/// ImageNet's normalisation. Throws CheckpointError naming the file and what is missing.
LoadedEncoder load_encoder(const std::string& path, const std::string& name, Log& log);

/// The same architecture with the fresh weights of its seed.
std::shared_ptr<Encoder> untrained_twin(const LoadedEncoder& loaded);

}  // namespace nearfar
