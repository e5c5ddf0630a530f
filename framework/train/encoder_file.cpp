// Writing and reading of encoder.safetensors.
#include "framework/train/encoder_file.h"

#include <filesystem>

#include "framework/checkpoint/generations.h"
#include "framework/checkpoint/manifest.h"
#include "framework/checkpoint/tensors.h"
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

const std::string& need(const Metadata& metadata, const std::string& key, const std::string& path) {
  const auto found = metadata.find(key);
  if (found != metadata.end()) return found->second;
  throw CheckpointError(path + ": metadata \"" + key + "\" is missing");
}

int64_t need_int(const Metadata& metadata, const std::string& key, const std::string& path) {
  return parse_json(need(metadata, key, path), key).as_int();
}

/// One number a channel; `others` for the channels that a gray image does not have.
std::array<float, 3> need_channels(const Metadata& metadata, const std::string& key,
                                   const std::string& path, float others) {
  std::array<float, 3> values{others, others, others};
  const Json list = parse_json(need(metadata, key, path), key);
  for (size_t c = 0; c < list.items().size() && c < 3; ++c) {
    values[c] = static_cast<float>(list.items()[c].as_double());
  }
  return values;
}

/// The file that holds the encoder of a run, a checkpoint, or itself.
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
  log.info("no result yet: judging the checkpoint of step " + std::to_string(generation->step));
  return generation->path + "/encoder.safetensors";
}

void read_own_metadata(LoadedEncoder& loaded, const Metadata& metadata) {
  const std::string& path = loaded.source;
  loaded.config.name = need(metadata, "encoder", path);
  loaded.config.stem = need(metadata, "stem", path);
  loaded.config.width = need_int(metadata, "width", path);
  loaded.channels = need_int(metadata, "channels", path);
  loaded.image_size = need_int(metadata, "input_size", path);
  loaded.seed = static_cast<uint64_t>(need_int(metadata, "seed", path));
  loaded.normalize = {need_channels(metadata, "mean", path, 0.0f),
                      need_channels(metadata, "std", path, 1.0f)};
}

/// What is wrong with nearfar's own metadata is wrong with the file, not with the user's config.
void build_from_metadata(LoadedEncoder& loaded, const Metadata& metadata) {
  try {
    read_own_metadata(loaded, metadata);
    loaded.encoder = untrained_twin(loaded);
  } catch (const ConfigError& error) {
    throw CheckpointError(loaded.source + ": metadata: " + error.what());
  }
}

void read_foreign(LoadedEncoder& loaded, const std::string& name) {
  if (name.empty()) {
    throw CheckpointError(loaded.source +
                          ": not written by nearfar (no metadata \"encoder\"); name the "
                          "architecture with --encoder NAME");
  }
  loaded.config.name = name;
  loaded.config.stem = "imagenet";
  loaded.normalize = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
}

/// The file without the classifier that foreign ResNets bring.
SafetensorsFile read_encoder_file(const std::string& path) {
  SafetensorsFile file = read_safetensors(path);
  std::erase_if(file.tensors, [](const auto& tensor) { return tensor.first.rfind("fc.", 0) == 0; });
  return file;
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
  metadata["seed"] = std::to_string(run.config.train.seed);
  metadata["step"] = std::to_string(step);
  return encode_tensors(module_state(encoder), metadata);
}

LoadedEncoder load_encoder(const std::string& path, const std::string& name, Log& log) {
  LoadedEncoder loaded;
  loaded.source = find_encoder_file(path, log);
  const SafetensorsFile file = read_encoder_file(loaded.source);
  const Metadata& metadata = file.metadata;
  if (metadata.count("encoder") != 0) {
    build_from_metadata(loaded, metadata);
  } else {
    read_foreign(loaded, name);
    loaded.encoder = untrained_twin(loaded);
  }
  at::NoGradGuard no_grad;
  load_into(module_state(*loaded.encoder), file);
  loaded.encoder->eval();
  return loaded;
}

std::shared_ptr<Encoder> untrained_twin(const LoadedEncoder& loaded) {
  at::manual_seed(loaded.seed);
  auto encoder = make_encoder(loaded.config, loaded.channels, loaded.image_size, NormPlan{});
  encoder->eval();
  return encoder;
}

}  // namespace nearfar
