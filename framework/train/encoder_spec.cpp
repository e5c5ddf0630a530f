// Metadata of encoder files, and what takes its place in the files of others.
#include "framework/train/encoder_spec.h"

#include <algorithm>

#include "framework/error.h"
#include "framework/json/json.h"
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

EncoderSpec read_own(const SafetensorsFile& file) {
  const std::string& path = file.path;
  EncoderSpec spec;
  spec.config.name = need(file.metadata, "encoder", path);
  spec.config.stem = need(file.metadata, "stem", path);
  spec.config.width = need_int(file.metadata, "width", path);
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
  spec.normalize = shape.channels == 1 ? kImagenetGray : kImagenet;
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

void check_encoder_name(const EncoderSpec& spec, const std::string& name, const std::string& path) {
  if (name.empty() || name == spec.config.name) return;
  throw ConfigError("--encoder: expected " + spec.config.name + ", which the metadata of " + path +
                    " names, found " + name);
}

}  // namespace nearfar
