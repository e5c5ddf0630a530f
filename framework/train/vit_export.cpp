// Vision transformers in the words of timm and torchvision.
#include "framework/train/vit_export.h"

#include "framework/encoders/vit.h"
#include "framework/error.h"

namespace nearfar {
namespace {

constexpr int64_t kTimmImage = 224, kTimmPatch = 16, kTimmChannels = 3;

/// ", img_size=28, global_pool="avg"".
std::string python_arguments(const Json& arguments) {
  std::string text;
  for (const auto& [name, value] : arguments.members()) {
    text += ", " + name + "=" + to_text(value, -1);
  }
  return text;
}

std::vector<std::string> torchvision_lines(const EncoderSpec& spec) {
  const VitShape shape = vit_shape_of(spec.config, spec.image_size);
  if (shape.mean_pool) {
    throw ConfigError("--format torchvision: its ViT has no mean pooling; use --format timm");
  }
  const auto number = [](const char* name, int64_t value) {
    return std::string(name) + "=" + std::to_string(value);
  };
  const std::string width = std::to_string(shape.width);
  std::vector<std::string> lines = {
      "model = torchvision.models.VisionTransformer(" + number("image_size", spec.image_size) +
          ", " + number("patch_size", shape.patch) + ", " + number("num_layers", shape.depth) +
          ", " + number("num_heads", shape.heads) + ", hidden_dim=" + width + ", " +
          number("mlp_dim", 4 * shape.width) + ")",
      "model.heads = torch.nn.Identity()"};
  if (spec.channels != kTimmChannels) {
    const std::string patch = std::to_string(shape.patch);
    lines.push_back("model.conv_proj = torch.nn.Conv2d(" + std::to_string(spec.channels) + ", " +
                    width + ", " + patch + ", " + patch + ")");
  }
  return lines;
}

}  // namespace

Json timm_arguments(const EncoderSpec& spec) {
  const VitShape shape = vit_shape_of(spec.config, spec.image_size);
  EncoderConfig plain;
  plain.name = spec.config.name;
  const VitShape usual = vit_shape_of(plain, kTimmImage);
  Json arguments = Json::object();
  if (spec.image_size != kTimmImage) arguments["img_size"] = spec.image_size;
  if (shape.patch != kTimmPatch) arguments["patch_size"] = shape.patch;
  if (spec.channels != kTimmChannels) arguments["in_chans"] = spec.channels;
  if (shape.depth != usual.depth) arguments["depth"] = shape.depth;
  if (shape.heads != usual.heads) arguments["num_heads"] = shape.heads;
  if (shape.mean_pool) arguments["global_pool"] = "avg";
  return arguments;
}

std::vector<std::string> vit_lines(const EncoderSpec& spec, const std::string& format) {
  if (format == "torchvision") return torchvision_lines(spec);
  return {"model = timm.create_model(\"" + spec.config.name + "\", num_classes=0" +
          python_arguments(timm_arguments(spec)) + ")"};
}

}  // namespace nearfar
