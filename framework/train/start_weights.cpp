// Reading of initial weights.
#include "framework/train/start_weights.h"

#include <filesystem>

#include "framework/checkpoint/manifest.h"
#include "framework/error.h"
#include "framework/train/encoder_file.h"
#include "framework/train/module_state.h"

namespace nearfar {

StartWeights read_start_weights(const EncoderConfig& config, Log& log) {
  const std::filesystem::path path = find_encoder_file(config.weights, log);
  StartWeights start;
  start.file = read_weights(path.string());
  const auto folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
  start.hash = hash_file(folder, path.filename().string()).xxh3;
  if (!config.weights_hash.empty() && config.weights_hash != start.hash) {
    throw CheckpointError("encoder.weights: " + path.string() + ": expected the file of hash " +
                          config.weights_hash + " (encoder.weights_hash), found " + start.hash);
  }
  start.spec = read_encoder_spec(start.file, config.name);
  return start;
}

WeightsReport start_from(const StartWeights& start, const EncoderConfig& config, Encoder& encoder) {
  return load_weights(module_state(encoder), start.file, config.name);
}

}  // namespace nearfar
