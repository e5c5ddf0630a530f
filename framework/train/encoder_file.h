// encoder.safetensors: the result of a run, loadable by torchvision, timm and nearfar.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/encoders/encoder.h"
#include "framework/log/log.h"
#include "framework/train/configure.h"
#include "framework/train/encoder_spec.h"
#include "framework/train/weights.h"

namespace nearfar {

/// The bytes of encoder.safetensors, with its metadata: encoder, recipe, nearfar, config_hash,
/// mean, std, input_size for users, initial_weights (a hash) where it started from some; and stem,
/// width, channels, seed, step, for a ViT patch, depth, heads, pool, position, start, which build
/// the encoder again; of a network of the recipe's own, "own", given_encoder, recipe_library and
/// recipe_settings do. `image_size` is that of the recipe's first view.
std::vector<uint8_t> encode_encoder(const ResolvedRun& run, Encoder& encoder, int64_t image_size,
                                    int64_t step);

/// An encoder ready to judge, in eval mode.
struct LoadedEncoder : EncoderSpec {
  std::shared_ptr<Encoder> encoder;
  std::string source;     // the file it came from
  WeightsReport weights;  // what the file gave
};

/// The file that holds the encoder of a run's folder (its result, or that of its newest
/// checkpoint), of a checkpoint folder gen-N, or the file itself. Throws CheckpointError.
std::string find_encoder_file(const std::string& path, Log& log);

/// Loads the encoder of find_encoder_file(path); `name` as for read_encoder_spec(). The key report
/// of a foreign file goes to the log. Throws CheckpointError naming the file and what is missing,
/// and as check_encoder_name().
LoadedEncoder load_encoder(const std::string& path, const std::string& name, Log& log);

/// The same architecture with the fresh weights of its seed, in eval mode.
std::shared_ptr<Encoder> untrained_twin(const EncoderSpec& spec);

}  // namespace nearfar
