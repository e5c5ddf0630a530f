// Export of encoders, and the check of what was written.
#include "framework/train/encoder_export.h"

#include "augment/random.h"
#include "framework/checkpoint/tensors.h"
#include "framework/encoders/resnet.h"
#include "framework/encoders/vit.h"
#include "framework/error.h"
#include "framework/train/module_state.h"
#include "framework/train/vit_export.h"
#include "framework/train/vit_names.h"

namespace nearfar {
namespace {

constexpr int64_t kCheckedImages = 4;
constexpr double kLargestDifference = 1e-6;  // of the largest feature

/// Seeded values of the size of normalised pixels.
at::Tensor seeded_images(const EncoderSpec& spec) {
  const at::Tensor images =
      at::empty({kCheckedImages, spec.channels, spec.image_size, spec.image_size}, at::kFloat);
  Random random(0, 0, 0, Purpose::evaluation, 3);
  float* values = images.data_ptr<float>();
  for (int64_t i = 0; i < images.numel(); ++i) {
    values[i] = static_cast<float>(random.uniform(-2.0, 2.0));
  }
  return images;
}

/// The largest difference of features between the source and a fresh encoder with the file's
/// weights.
double compare_features(const LoadedEncoder& source, const std::string& path) {
  const at::NoGradGuard values_alone;
  const auto fresh = untrained_twin(source);
  load_weights(module_state(*fresh), read_weights(path), source.config.name);
  const at::Tensor images = seeded_images(source);
  Random random(0, 0, 0, Purpose::evaluation);
  const at::Tensor expected = source.encoder->forward(images, random);
  const at::Tensor found = fresh->forward(images, random);
  const double difference = (found - expected).abs().max().item<double>();
  if (difference <= kLargestDifference * expected.abs().max().item<double>()) return difference;
  throw CheckpointError(path + ": read back, its features differ from the source's by " +
                        std::to_string(difference));
}

Json channel_list(const std::array<float, 3>& values, int64_t channels) {
  Json list = Json::array();
  for (int64_t c = 0; c < channels; ++c) list.push_back(static_cast<double>(values[c]));
  return list;
}

/// config.json as timm writes it beside a model (timm/models/_hub.py: save_config_for_hf).
Json timm_config(const EncoderSpec& spec, int64_t features) {
  const int64_t size = spec.image_size;
  Json model = Json::object({{"input_size", Json::array({spec.channels, size, size})},
                             {"fixed_input_size", false},
                             {"interpolation", "bilinear"},
                             {"crop_pct", 0.875},
                             {"crop_mode", "center"},
                             {"mean", channel_list(spec.normalize.mean, spec.channels)},
                             {"std", channel_list(spec.normalize.std, spec.channels)},
                             {"num_classes", 0}});
  const bool vit = is_vit(spec.config.name);
  if (!vit) model["pool_size"] = Json::array({7, 7});
  model["first_conv"] = vit ? "patch_embed.proj" : "conv1";
  model["classifier"] = vit ? "head" : "fc";
  Json config = Json::object({{"architecture", spec.config.name},
                              {"num_classes", 0},
                              {"num_features", features},
                              {"global_pool", vit ? spec.config.pool : "avg"}});
  Json arguments = Json::object();
  if (spec.channels != 3) arguments["in_chans"] = spec.channels;
  if (vit) arguments = timm_arguments(spec);
  if (!arguments.members().empty()) config["model_args"] = std::move(arguments);
  config["pretrained_cfg"] = std::move(model);
  return config;
}

void check_format(const EncoderSpec& spec, const std::string& format) {
  if (!spec.own.recipe.empty()) {
    throw ConfigError("export: the network is recipe " + spec.own.recipe +
                      "'s own; expected one that torchvision or timm has (its weights stand in "
                      "encoder.safetensors under its own names)");
  }
  if (is_vit(spec.config.name)) {
    vit_lines(spec, format);
    return;
  }
  if (format != "torchvision" && spec.config.name == "tiny") {
    throw ConfigError("--format " + format +
                      ": timm has no encoder tiny; use --format torchvision");
  }
  if (format == "timm-folder" && stem_of(spec.config, spec.image_size).pool_kernel == 0) {
    throw ConfigError(
        "--format timm-folder: config.json has no words for the cifar stem; use --format timm, "
        "whose Python lines replace two layers");
  }
}

std::string joined(const std::vector<int64_t>& values) {
  std::string text;
  for (const int64_t value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

/// "torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)".
std::string convolution(const std::vector<int64_t>& shape) {
  return "torch.nn.Conv2d(" + joined(shape) + ", bias=False)";
}

/// What differs from the stem of torchvision and timm, layer by layer.
std::vector<std::string> stem_lines(const EncoderSpec& spec) {
  const bool tiny = spec.config.name == "tiny";
  const Stem stem = stem_of(spec.config, spec.image_size);
  const int64_t width = tiny ? spec.config.width : 64;
  std::vector<std::string> lines;
  if (tiny || stem.kernel != kImagenetStem.kernel || spec.channels != 3) {
    lines.push_back("model.conv1 = " +
                    convolution({spec.channels, width, stem.kernel, stem.stride, stem.padding}));
  }
  if (tiny) lines.push_back("model.bn1 = torch.nn.BatchNorm2d(" + std::to_string(width) + ")");
  if (stem.pool_kernel == 0) lines.emplace_back("model.maxpool = torch.nn.Identity()");
  return lines;
}

/// tiny is no model of torchvision's, but its ResNet with one block a stage and other widths.
std::vector<std::string> tiny_lines(int64_t width) {
  const std::string text = std::to_string(width);
  return {
      "class Tiny(torchvision.models.ResNet):",
      "    def _make_layer(self, block, planes, *rest, **options):",
      "        self.inplanes = " + text + " if planes == 64 else self.inplanes",
      "        return super()._make_layer(block, planes * " + text + " // 64, *rest, **options)",
      "model = Tiny(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1])"};
}

/// What makes `model`, without a classifier.
std::vector<std::string> model_lines(const EncoderSpec& spec, const std::string& format) {
  const std::string& name = spec.config.name;
  if (is_vit(name)) return vit_lines(spec, format);
  const bool timm = format == "timm";
  std::vector<std::string> lines;
  if (name == "tiny") {
    lines = tiny_lines(spec.config.width);
  } else {
    lines = {timm ? "model = timm.create_model(\"" + name + "\", num_classes=0)"
                  : "model = torchvision.models." + name + "()"};
  }
  if (!timm) lines.emplace_back("model.fc = torch.nn.Identity()");
  for (const std::string& line : stem_lines(spec)) lines.push_back(line);
  return lines;
}

/// The encoder's tensors under the names of the format.
NamedTensors tensors_for(const LoadedEncoder& source, const std::string& format) {
  NamedTensors tensors = module_state(*source.encoder);
  if (format != "torchvision" || !is_vit(source.config.name)) return tensors;
  for (auto& [name, tensor] : tensors) name = torchvision_name(name);
  return tensors;
}

}  // namespace

std::vector<std::string> python_lines(const EncoderSpec& spec, const std::string& format,
                                      const std::string& path) {
  if (format == "timm-folder") {
    return {"import timm",
            "model = timm.create_model(\"local-dir:" + path + "\", pretrained=True)"};
  }
  std::vector<std::string> lines = {std::string("import safetensors.torch, torch, ") +
                                    (format == "timm" ? "timm" : "torchvision")};
  for (const std::string& line : model_lines(spec, format)) lines.push_back(line);
  lines.push_back("model.load_state_dict(safetensors.torch.load_file(\"" + path +
                  "\"), strict=True)");
  return lines;
}

ExportResult export_encoder(const LoadedEncoder& source, const std::string& format,
                            const std::string& out) {
  check_format(source, format);
  FileSystem& files = real_file_system();
  const bool folder = format == "timm-folder";
  ExportResult result;
  result.path = folder ? out + "/model.safetensors" : out;
  const NamedTensors tensors = tensors_for(source, format);
  const std::vector<uint8_t> bytes = encode_tensors(tensors, read_weights(source.source).metadata);
  files.make_directories(parent_directory(result.path));
  replace_file(files, result.path, bytes.data(), bytes.size());
  if (folder) {
    const std::string config = to_text(timm_config(source, source.encoder->width())) + "\n";
    replace_file(files, out + "/config.json", config.data(), config.size());
  }
  result.tensors = static_cast<int64_t>(tensors.size());
  result.difference = compare_features(source, result.path);
  result.python = python_lines(source, format, out);
  return result;
}

}  // namespace nearfar
