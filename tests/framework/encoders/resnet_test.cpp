// ResNets: names, shapes and first weights of torchvision's; memory format; sizes of stages.
#include "framework/encoders/resnet.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "framework/encoders/make_encoder.h"
#include "framework/json/json.h"
#include "tests/framework/encoders/module_tensors.h"
#include "tests/paths.h"

namespace nearfar {
namespace {

std::shared_ptr<Encoder> make(const std::string& name, int64_t image_size, int64_t channels = 3) {
  EncoderConfig config;
  config.name = name;
  return make_encoder(config, channels, image_size, {});
}

/// "name [shape] dtype" of each.
using Listing = std::vector<std::string>;

std::string line(const std::string& name, const std::vector<int64_t>& shape,
                 const std::string& dtype) {
  std::ostringstream text;
  text << name << " " << c10::IntArrayRef(shape) << " " << dtype;
  return text.str();
}

Listing expected_names(const std::string& model, bool parameters) {
  const std::string path = std::string(NEARFAR_SOURCE_DIR) + "/tests/golden/encoders/torchvision_" +
                           model + ".names.json";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  Listing names;
  const Json entries = parse_json(text.str(), path);
  for (const Json& entry : entries.items()) {
    const std::string& name = entry.at("name").as_string();
    if (name.starts_with("fc.") || entry.at("parameter").as_bool() != parameters) continue;
    std::vector<int64_t> shape;
    for (const Json& size : entry.at("shape").items()) shape.push_back(size.as_int());
    names.push_back(line(name, shape, entry.at("dtype").as_string()));
  }
  return names;
}

Listing names_of(const torch::OrderedDict<std::string, at::Tensor>& tensors) {
  Listing names;
  for (const auto& item : tensors) {
    names.push_back(line(item.key(), item.value().sizes().vec(),
                         item.value().scalar_type() == at::kLong ? "int64" : "float32"));
  }
  return names;
}

TEST(ResNet, NamesOrderAndShapesAreTorchvisions) {
  for (const std::string model : {"resnet18", "resnet50"}) {
    const auto encoder = make(model, 224);
    ASSERT_GT(expected_names(model, true).size(), 50u);
    EXPECT_EQ(names_of(encoder->named_parameters()), expected_names(model, true));
    EXPECT_EQ(names_of(encoder->named_buffers()), expected_names(model, false));
  }
}

// Counted in torchvision 0.26.0: len(list(m.parameters())) and the sum of numel, fc replaced by
// Identity.
TEST(ResNet, EveryModelHasTorchvisionsSize) {
  struct Size {
    const char* name;
    size_t tensors;
    int64_t values;
    int64_t width;
  };
  for (const Size& size :
       {Size{"resnet18", 60, 11176512, 512}, Size{"resnet34", 108, 21284672, 512},
        Size{"resnet50", 159, 23508032, 2048}, Size{"resnet101", 312, 42500160, 2048},
        Size{"resnet152", 465, 58143808, 2048}, Size{"wide_resnet50_2", 159, 66834240, 2048},
        Size{"wide_resnet101_2", 312, 124837696, 2048}}) {
    const auto encoder = make(size.name, 224);
    int64_t values = 0;
    for (const at::Tensor& tensor : encoder->parameters()) values += tensor.numel();
    EXPECT_EQ(encoder->parameters().size(), size.tensors) << size.name;
    EXPECT_EQ(values, size.values) << size.name;
    EXPECT_EQ(encoder->width(), size.width) << size.name;
  }
}

// torch.manual_seed(1234); torchvision.models.NAME().state_dict()[KEY].flatten()[:4], torch 2.11.0
// and torchvision 0.26.0. Bits, not tolerances: the draws and their order are the same.
TEST(ResNet, EqualSeedsGiveTorchvisionsWeights) {
  struct Start {
    const char* model;
    const char* key;
    std::array<double, 4> values;
  };
  for (const Start& start :
       {Start{"resnet18",
              "conv1.weight",
              {0x1.bd0db2p-10, 0x1.61c008p-6, 0x1.940accp-6, -0x1.1c6302p-5}},
        Start{"resnet18",
              "layer1.0.conv1.weight",
              {-0x1.e1dfd2p-5, -0x1.fc40c6p-4, -0x1.7bbdc6p-5, -0x1.7bcd5ap-7}},
        Start{"resnet18",
              "layer2.0.downsample.0.weight",
              {0x1.9769d8p-3, -0x1.363cep-6, 0x1.7aac52p-7, 0x1.6309fap-6}},
        Start{"resnet18",
              "layer4.1.conv2.weight",
              {0x1.55ddf6p-6, 0x1.a874p-6, -0x1.bd4038p-6, -0x1.04b4b8p-5}},
        Start{"resnet50",
              "conv1.weight",
              {0x1.1f653cp-8, -0x1.2e6a24p-5, -0x1.189182p-6, -0x1.a7bcd6p-6}},
        Start{"resnet50",
              "layer2.0.downsample.0.weight",
              {0x1.2e9f3p-10, -0x1.9376fcp-6, -0x1.85b7p-6, -0x1.5d2898p-9}},
        Start{"resnet50",
              "layer4.1.conv2.weight",
              {-0x1.beefccp-5, 0x1.565230p-6, -0x1.84664800p-10, -0x1.a87f14p-6}}}) {
    at::manual_seed(1234);
    const auto encoder = make(start.model, 224);
    const at::Tensor values = parameter(*encoder, start.key).flatten();
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(values[i].item<double>(), start.values[i]) << start.model << " " << start.key;
    }
  }
}

TEST(ResNet, StemsAndStagesDivideTheImage) {
  const at::NoGradGuard no_grad;
  const auto heights = [](const Stem& stem, const at::Tensor& images) {
    ResNet encoder({.blocks = {1, 1, 1, 1}, .width = 4}, stem, images.size(1), {});
    encoder.eval();
    std::vector<std::vector<int64_t>> sizes;
    Random random(0, 0, 0, Purpose::recipe);
    for (const at::Tensor& stage : encoder.stages(images, random))
      sizes.push_back(stage.sizes().vec());
    return sizes;
  };
  using Sizes = std::vector<std::vector<int64_t>>;
  EXPECT_EQ(heights(kImagenetStem, at::zeros({2, 3, 64, 96})),
            (Sizes{{2, 4, 16, 24}, {2, 8, 8, 12}, {2, 16, 4, 6}, {2, 32, 2, 3}}));
  EXPECT_EQ(heights(kCifarStem, at::zeros({2, 3, 32, 32})),
            (Sizes{{2, 4, 32, 32}, {2, 8, 16, 16}, {2, 16, 8, 8}, {2, 32, 4, 4}}));
  EXPECT_EQ(heights(kHalvingStem, at::zeros({2, 1, 28, 28})),
            (Sizes{{2, 4, 14, 14}, {2, 8, 7, 7}, {2, 16, 4, 4}, {2, 32, 2, 2}}));
}

TEST(ResNet, FeaturesAreTheMeanOfTheLastStage) {
  const at::NoGradGuard no_grad;
  at::manual_seed(4);
  ResNet encoder({.blocks = {1, 1, 1, 1}, .bottleneck = true, .width = 4}, kCifarStem, 3, {});
  encoder.eval();
  const at::Tensor images = waves({2, 3, 16, 16}, 0.1).to(at::kFloat);
  Random random(0, 0, 0, Purpose::recipe);
  const at::Tensor features = encoder.forward(images, random);
  ASSERT_EQ(features.sizes(), (std::vector<int64_t>{2, encoder.width()}));
  const at::Tensor last = encoder.stages(images, random).back();
  // float32 means of four values.
  EXPECT_LT(worst_difference(features, last.flatten(2).sum(2) / 4.0), 1e-5);
}

TEST(ResNet, StaysChannelsLastThroughout) {
  at::manual_seed(5);
  const auto encoder = std::dynamic_pointer_cast<ResNet>(make("resnet18", 32));
  at::Tensor images = at::randn({2, 3, 32, 32}).contiguous(at::MemoryFormat::ChannelsLast);
  images.requires_grad_(true);
  Random random(0, 0, 0, Purpose::recipe);
  const std::vector<at::Tensor> stages = encoder->stages(images, random);
  for (const at::Tensor& stage : stages) {
    EXPECT_TRUE(stage.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_FALSE(stage.is_contiguous());
  }
  stages.back().mean({2, 3}).square().sum().backward();
  EXPECT_TRUE(images.grad().is_contiguous(at::MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace nearfar
