// Writing and reading of encoder.safetensors.
#include "framework/train/encoder_file.h"

#include <filesystem>

#include "framework/checkpoint/generations.h"
#include "framework/checkpoint/manifest.h"
#include "framework/checkpoint/tensors.h"
#include "framework/encoders/make_encoder.h"
#include "framework/encoders/vit.h"
#include "framework/error.h"
#include "framework/train/module_state.h"
#include "nearfar/version.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

Json numbers(const float* values, int64_t count) {
  Json list = Json::array();
  for (int64_t i = 0; i < count; ++i) list.push_back(static_cast<double>(values[i]));
  return list;
}

std::string config_hash(const ResolvedRun& run) {
  RunConfig config = run.config;
  const std::string text =
      to_text(to_json([&config](Fields& field) { config.describe(field); }), -1);
  return xxh3_hex(text.data(), text.size());
}

/// What builds a ViT again, beside the image size.
void add_vit(const EncoderConfig& config, Metadata& metadata) {
  metadata["patch"] = std::to_string(config.patch);
  metadata["depth"] = std::to_string(config.depth);
  metadata["heads"] = std::to_string(config.heads);
  metadata["pool"] = config.pool;
  metadata["position"] = config.position;
  metadata["start"] = config.start;
}

/// What is wrong with nearfar's own metadata is wrong with the file, not with the user's config.
std::shared_ptr<Encoder> build(const LoadedEncoder& loaded) {
  try {
    return untrained_twin(loaded);
  } catch (const ConfigError& error) {
    if (loaded.foreign) throw;
    throw CheckpointError(loaded.source + ": metadata: " + error.what());
  }
}

}  // namespace

std::vector<uint8_t> encode_encoder(const ResolvedRun& run, Encoder& encoder, int64_t image_size,
                                    int64_t step) {
  const DatasetInfo& data = run.data.train->info();
  const EncoderConfig& config = run.config.encoder;
  Metadata metadata;
  metadata["encoder"] = config.name;
  metadata["recipe"] = run.config.recipe.name;
  metadata["nearfar"] = NEARFAR_VERSION;
  metadata["config_hash"] = config_hash(run);
  metadata["mean"] = to_text(numbers(run.normalize.mean.data(), data.channels), -1);
  metadata["std"] = to_text(numbers(run.normalize.std.data(), data.channels), -1);
  metadata["input_size"] = std::to_string(image_size);
  metadata["channels"] = std::to_string(data.channels);
  metadata["stem"] = config.stem;
  metadata["width"] = std::to_string(config.width);
  if (is_vit(config.name)) add_vit(config, metadata);
  metadata["seed"] = std::to_string(run.config.train.seed);
  metadata["step"] = std::to_string(step);
  if (!config.weights_hash.empty()) metadata["initial_weights"] = config.weights_hash;
  if (is_own_encoder(encoder)) {
    const OwnEncoder own = own_encoder_of(run.config, run.library.path);
    metadata["encoder"] = "own";
    metadata["given_encoder"] = config.name;
    metadata["recipe_library"] = own.library;
    metadata["recipe_settings"] = to_text(own.settings, -1);
  }
  return encode_tensors(module_state(encoder), metadata);
}

std::string find_encoder_file(const std::string& path, Log& log) {
  if (!fs::exists(path)) throw CheckpointError(path + ": no such run or checkpoint");
  if (!fs::is_directory(path)) return path;
  const std::string result = path + "/encoder.safetensors";
  if (fs::exists(result)) return result;
  const auto generation = newest_generation(path + "/checkpoints", log);
  if (!generation) {
    throw CheckpointError(path +
                          ": expected a run's folder or a checkpoint, found no "
                          "encoder.safetensors and no checkpoints in it");
  }
  log.info("no result yet: taking the checkpoint of step " + std::to_string(generation->step));
  return generation->path + "/encoder.safetensors";
}

LoadedEncoder load_encoder(const std::string& path, const std::string& name, Log& log) {
  LoadedEncoder loaded;
  loaded.source = find_encoder_file(path, log);
  const SafetensorsFile file = read_weights(loaded.source);
  static_cast<EncoderSpec&>(loaded) = read_encoder_spec(file, name);
  check_encoder_name(loaded, name, loaded.source);
  loaded.encoder = build(loaded);
  loaded.weights = load_weights(module_state(*loaded.encoder), file, loaded.config.name);
  if (loaded.foreign) log.info("weights: " + to_words(loaded.weights));
  log_normalization(loaded, log);
  loaded.encoder->eval();
  return loaded;
}

std::shared_ptr<Encoder> untrained_twin(const EncoderSpec& spec) {
  at::manual_seed(spec.seed);
  const auto encoder = spec.own.recipe.empty()
                           ? make_encoder(spec.config, spec.channels, spec.image_size, NormPlan{})
                           : make_own_encoder(spec.own, spec.config, spec.channels, spec.seed);
  encoder->eval();
  return encoder;
}

}  // namespace nearfar
