// Metadata of encoder files, and what takes its place in the files of others.
#include "framework/train/encoder_spec.h"

#include <algorithm>

#include "framework/encoders/vit.h"
#include "framework/error.h"
#include "framework/json/json.h"
#include "framework/train/vit_weights.h"
#include "framework/train/weights.h"

namespace nearfar {
namespace {

constexpr Normalize kImagenet{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
/// Its means over the three channels, for networks of gray images.
constexpr Normalize kImagenetGray{{0.449f, 0.0f, 0.0f}, {0.226f, 1.0f, 1.0f}};

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

void read_own_vit(const SafetensorsFile& file, EncoderConfig& config) {
  config.patch = need_int(file.metadata, "patch", file.path);
  config.depth = need_int(file.metadata, "depth", file.path);
  config.heads = need_int(file.metadata, "heads", file.path);
  config.pool = need(file.metadata, "pool", file.path);
  config.position = need(file.metadata, "position", file.path);
  config.start = need(file.metadata, "start", file.path);
}

EncoderSpec read_own(const SafetensorsFile& file) {
  const std::string& path = file.path;
  EncoderSpec spec;
  spec.config.name = need(file.metadata, "encoder", path);
  spec.config.stem = need(file.metadata, "stem", path);
  spec.config.width = need_int(file.metadata, "width", path);
  if (is_vit(spec.config.name)) read_own_vit(file, spec.config);
  spec.channels = need_int(file.metadata, "channels", path);
  spec.image_size = need_int(file.metadata, "input_size", path);
  spec.seed = static_cast<uint64_t>(need_int(file.metadata, "seed", path));
  spec.normalize = {need_channels(file.metadata, "mean", path, 0.0f),
                    need_channels(file.metadata, "std", path, 1.0f)};
  if (file.metadata.count("recipe_settings") == 0) return spec;
  spec.own = {need(file.metadata, "recipe", path), need(file.metadata, "recipe_library", path),
              parse_json(need(file.metadata, "recipe_settings", path), "recipe_settings")};
  spec.config.name = need(file.metadata, "given_encoder", path);
  return spec;
}

/// A file that is no ViT's leaves the spec as it is: loading refuses it by its tensors.
void read_foreign_vit(const SafetensorsFile& file, EncoderSpec& spec) {
  const auto vit = vit_weights_of(file);
  if (!vit) return;
  spec.config.patch = vit->patch;
  spec.config.depth = vit->depth;
  spec.config.pool = vit->mean_pool ? "avg" : "token";
  spec.channels = vit->channels;
  spec.image_size = vit->side * vit->patch;
}

/// The architecture of a foreign file, as far as its first convolution tells.
EncoderSpec read_foreign(const SafetensorsFile& file, const std::string& name) {
  const WeightsShape shape = shape_of(file);
  if (name.empty()) {
    throw CheckpointError(file.path +
                          ": not written by nearfar (no metadata \"encoder\"); name the "
                          "architecture with --encoder " +
                          (shape.architecture.empty() ? "NAME" : shape.architecture));
  }
  const bool small = shape.kernel == 3;
  EncoderSpec spec;
  spec.foreign = true;
  spec.config.name = name;
  spec.config.stem = name == "tiny" ? "auto" : small ? "cifar" : "imagenet";
  spec.config.width = shape.width;
  spec.channels = shape.channels;
  if (small) spec.image_size = 32;
  if (is_vit(name)) read_foreign_vit(file, spec);
  spec.normalize = spec.channels == 1 ? kImagenetGray : kImagenet;
  return spec;
}

}  // namespace

EncoderSpec read_encoder_spec(const SafetensorsFile& file, const std::string& name) {
  if (file.metadata.count("encoder") == 0) return read_foreign(file, name);
  try {
    return read_own(file);
  } catch (const ConfigError& error) {
    throw CheckpointError(file.path + ": metadata: " + error.what());
  }
}

void log_normalization(const EncoderSpec& spec, Log& log) {
  if (!spec.foreign || !is_vit(spec.config.name)) return;
  log.info(
      "normalisation: taken to be ImageNet's; timm's own ViTs (augreg) want "
      "data.mean=[0.5,0.5,0.5] data.std=[0.5,0.5,0.5]");
}

void check_encoder_name(const EncoderSpec& spec, const std::string& name, const std::string& path) {
  if (name.empty() || name == spec.config.name) return;
  throw ConfigError("--encoder: expected " + spec.config.name + ", which the metadata of " + path +
                    " names, found " + name);
}

}  // namespace nearfar
