// Encoders by name.
#include "framework/encoders/make_encoder.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "framework/config/settings.h"
#include "framework/encoders/resnet.h"
#include "framework/encoders/vit.h"
#include "framework/error.h"

namespace nearfar {
namespace {

constexpr int64_t kLargestSmallImage = 64;

struct Architecture {
  std::string name;
  ResNetShape shape;
};

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> table{
      {"tiny", {{1, 1, 1, 1}, false, 0, 1}},  // its width is encoder.width
      {"resnet18", {{2, 2, 2, 2}, false, 64, 1}},
      {"resnet34", {{3, 4, 6, 3}, false, 64, 1}},
      {"resnet50", {{3, 4, 6, 3}, true, 64, 1}},
      {"resnet101", {{3, 4, 23, 3}, true, 64, 1}},
      {"resnet152", {{3, 8, 36, 3}, true, 64, 1}},
      {"wide_resnet50_2", {{3, 4, 6, 3}, true, 64, 2}},
      {"wide_resnet101_2", {{3, 4, 23, 3}, true, 64, 2}},
  };
  return table;
}

std::shared_ptr<Encoder> make_vit(const EncoderConfig& config, int64_t channels, int64_t image_size,
                                  const NormPlan& norm) {
  auto vit = std::make_shared<Vit>(vit_shape_of(config, image_size), channels, norm);
  if (config.start == "mocov3") {
    vit->start_as_mocov3();
  } else if (config.start != "timm") {
    throw ConfigError("encoder.start: expected timm or mocov3, got \"" + config.start + "\"");
  }
  return vit;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

const std::vector<std::string>& encoder_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Architecture& architecture : architectures()) all.push_back(architecture.name);
    all.insert(all.end(), vit_names().begin(), vit_names().end());
    return all;
  }();
  return names;
}

Stem stem_of(const EncoderConfig& config, int64_t image_size) {
  if (config.stem == "imagenet") return kImagenetStem;
  if (config.stem == "cifar") return kCifarStem;
  if (config.stem != "auto") {
    throw ConfigError("encoder.stem: expected one of auto, imagenet, cifar, got \"" + config.stem +
                      "\"");
  }
  if (config.name == "tiny") return kHalvingStem;
  return image_size <= kLargestSmallImage ? kCifarStem : kImagenetStem;
}

std::string encoder_name_of(const ResNetShape& shape) {
  for (const auto& [name, known] : architectures()) {
    const bool same_width = known.width == shape.width || name == "tiny";
    if (known.blocks == shape.blocks && known.bottleneck == shape.bottleneck && same_width &&
        known.inner_factor == shape.inner_factor) {
      return name;
    }
  }
  return "";
}

std::shared_ptr<Encoder> make_encoder(const EncoderConfig& config, int64_t channels,
                                      int64_t image_size, const NormPlan& norm) {
  if (is_vit(config.name)) return make_vit(config, channels, image_size, norm);
  const auto& table = architectures();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Architecture& candidate) {
    return candidate.name == config.name;
  });
  if (found == table.end()) {
    const std::string near = nearest_name(config.name, encoder_names());
    throw ConfigError("encoder.name: expected one of " + listed(encoder_names()) + ", got \"" +
                      config.name + "\"" +
                      (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
  }
  ResNetShape shape = found->shape;
  if (config.name == "tiny") shape.width = config.width;
  shape.drop_path = config.drop_path;
  return std::make_shared<ResNet>(shape, stem_of(config, image_size), channels, norm);
}

}  // namespace nearfar
