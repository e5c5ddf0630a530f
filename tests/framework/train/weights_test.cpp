// Names and tensors of foreign weights: what is taken, what is left out, what is refused.
#include "framework/train/weights.h"

#include <gtest/gtest.h>

#include <fstream>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "framework/train/module_state.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

using Names = std::vector<std::string>;

/// Names of a few tensors of a ResNet under a prefix.
Names under(const std::string& prefix) {
  return {prefix + "conv1.weight", prefix + "bn1.bias", prefix + "layer1.0.conv1.weight",
          prefix + "layer4.0.downsample.1.running_var"};
}

Names joined(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(WeightNames, EveryWrapperIsRemoved) {
  for (const std::string prefix :
       {"", "module.", "_orig_mod.", "model.", "backbone.", "encoder.", "encoder_q.",
        "base_encoder.", "module.encoder_q.", "module.base_encoder.", "_orig_mod.module.backbone.",
        "teacher.backbone.", "student.backbone.", "online_encoder.net."}) {
    const WeightNames names = read_weight_names(under(prefix));
    EXPECT_EQ(names.prefix, prefix);
    EXPECT_TRUE(names.left_out.empty()) << prefix;
    for (const std::string& name : under("")) EXPECT_EQ(names.of_file.at(name), prefix + name);
  }
}

TEST(WeightNames, OtherNetworksAreLeftOut) {
  const Names keys = joined(under("module.encoder_k."), {"module.queue", "module.queue_ptr"});
  const WeightNames moco = read_weight_names(joined(keys, under("module.encoder_q.")));
  EXPECT_EQ(moco.prefix, "module.encoder_q.");
  EXPECT_EQ(moco.left_out, keys);
  // Both are whole; DINO's authors evaluate the teacher, whichever stands first.
  for (const bool swapped : {false, true}) {
    const Names student = under("student.backbone."), teacher = under("teacher.backbone.");
    const WeightNames dino =
        read_weight_names(swapped ? joined(teacher, student) : joined(student, teacher));
    EXPECT_EQ(dino.prefix, "teacher.backbone.");
    EXPECT_EQ(dino.left_out, student);
  }
}

TEST(WeightNames, HeadsAreLeftOutAndOtherNamesAreNot) {
  const Names heads = {"fc.weight", "fc.0.bias", "classifier.weight", "prototypes.weight",
                       "projection_head.0.weight"};
  const WeightNames names = read_weight_names(joined(under(""), joined(heads, {"fcn.weight"})));
  EXPECT_EQ(names.left_out, heads);
  EXPECT_TRUE(names.of_file.contains("fcn.weight"));
}

TEST(WeightNames, NumberedChildrenGetTheirNamesBack) {
  const WeightNames names = read_weight_names(
      {"backbone.0.weight", "backbone.1.running_mean", "backbone.4.0.conv2.weight",
       "backbone.5.1.bn1.bias", "backbone.7.0.downsample.0.weight", "backbone.9.weight"});
  const std::map<std::string, std::string> expected = {
      {"conv1.weight", "backbone.0.weight"},
      {"bn1.running_mean", "backbone.1.running_mean"},
      {"layer1.0.conv2.weight", "backbone.4.0.conv2.weight"},
      {"layer2.1.bn1.bias", "backbone.5.1.bn1.bias"},
      {"layer4.0.downsample.0.weight", "backbone.7.0.downsample.0.weight"}};
  EXPECT_EQ(names.of_file, expected);
  EXPECT_EQ(names.left_out, Names{"backbone.9.weight"});
}

class Weights : public testing::Test {
 protected:
  /// The state of a fresh encoder, its counters at 7.
  static NamedTensors state(const std::string& name, uint64_t seed) {
    at::manual_seed(seed);
    EncoderConfig config;
    config.name = name;
    config.width = 4;
    const auto encoder = make_encoder(config, 3, 224, NormPlan{});
    NamedTensors tensors = module_state(*encoder);
    const at::NoGradGuard values_alone;
    for (auto& [key, tensor] : tensors) {
      if (!tensor.is_floating_point()) tensor.fill_(7);
    }
    return tensors;
  }

  SafetensorsFile written(const NamedTensors& tensors) const {
    const std::string path = folder_.path() + "/weights.safetensors";
    const std::vector<uint8_t> bytes = encode_tensors(tensors);
    replace_file(real_file_system(), path, bytes.data(), bytes.size());
    return read_weights(path);
  }

  static std::string refusal(const NamedTensors& targets, const SafetensorsFile& file,
                             const std::string& name = "tiny") {
    try {
      load_weights(targets, file, name);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

TEST_F(Weights, AreCopiedToTheBitAndReported) {
  const NamedTensors source = state("tiny", 1), target = state("tiny", 2);
  NamedTensors prefixed;
  for (const auto& [name, tensor] : source) prefixed.emplace_back("module." + name, tensor);
  prefixed.emplace_back("module.fc.weight", at::ones({2}));
  const WeightsReport report = load_weights(target, written(prefixed), "tiny");
  for (size_t i = 0; i < source.size(); ++i) {
    EXPECT_TRUE(source[i].second.equal(target[i].second)) << source[i].first;
  }
  const auto count = std::to_string(source.size());
  EXPECT_EQ(to_words(report), count + " of " + count +
                                  " tensors, left out: module.fc.weight; prefix \"module.\" "
                                  "removed");
}

TEST_F(Weights, HalvesAreConvertedAndCountersMayBeAbsent) {
  for (const auto& [type, name] :
       {std::pair{at::kHalf, "F16"}, {at::kBFloat16, "BF16"}, {at::kDouble, "F64"}}) {
    const NamedTensors target = state("tiny", 2);
    NamedTensors halves;
    for (const auto& [key, tensor] : state("tiny", 1)) {
      if (tensor.is_floating_point()) halves.emplace_back(key, tensor.to(type));
    }
    const WeightsReport report = load_weights(target, written(halves), "tiny");
    EXPECT_EQ(report.converted, name);
    EXPECT_EQ(report.loaded + static_cast<int64_t>(report.absent.size()), report.wanted);
    for (const auto& [key, tensor] : target) {
      const auto found = std::find_if(halves.begin(), halves.end(),
                                      [&, k = key](const auto& half) { return half.first == k; });
      if (found == halves.end()) {
        EXPECT_EQ(tensor.item<int64_t>(), 7) << key;
      } else {
        EXPECT_TRUE(tensor.equal(found->second.to(at::kFloat))) << key;
      }
    }
  }
}

TEST_F(Weights, WhatDoesNotFitChangesNothing) {
  const NamedTensors target = state("tiny", 2), before = state("tiny", 2);
  NamedTensors source = state("tiny", 1);
  source.pop_back();
  source.pop_back();
  EXPECT_NE(refusal(target, written(source)).find("missing: "), std::string::npos);
  source = state("tiny", 1);
  source.emplace_back("layer5.weight", at::ones({2}));
  EXPECT_NE(refusal(target, written(source)).find("unexpected: layer5.weight"), std::string::npos);
  source = state("tiny", 1);
  source[0].second = at::ones({4, 3, 7, 7});
  EXPECT_NE(refusal(target, written(source))
                .find("conv1.weight (expected [4, 3, 3, 3], found F32 [4, 3, 7, 7])"),
            std::string::npos);
  source[0].second = at::ones({4, 3, 3, 3}, at::kLong);
  EXPECT_NE(refusal(target, written(source)).find("found I64"), std::string::npos);
  for (size_t i = 0; i < target.size(); ++i) {
    EXPECT_TRUE(target[i].second.equal(before[i].second)) << target[i].first;
  }
}

TEST_F(Weights, ArchitecturesAreRecognised) {
  for (const std::string& name : encoder_names()) {
    if (name.find("101") != std::string::npos || name.find("152") != std::string::npos) continue;
    if (name.starts_with("vit_base")) continue;
    const WeightsShape shape = shape_of(written(state(name, 1)));
    EXPECT_EQ(shape.architecture, name);
    EXPECT_EQ(shape.width, name == "tiny" ? 4 : 64);
  }
  EXPECT_NE(refusal(state("resnet18", 1), written(state("resnet34", 1)), "resnet18")
                .find("the file looks like resnet34"),
            std::string::npos);
  // A ResNeXt has grouped convolutions: 128 channels, of which each sees 4.
  NamedTensors grouped = {{"conv1.weight", at::ones({64, 3, 7, 7})},
                          {"layer1.0.conv1.weight", at::ones({128, 64, 1, 1})},
                          {"layer1.0.conv2.weight", at::ones({128, 4, 3, 3})}};
  EXPECT_EQ(shape_of(written(grouped)).architecture, "");
}

TEST_F(Weights, OnlyPicklesAreTakenForPickles) {
  const std::string path = folder_.path() + "/model.pth";
  for (const std::string& start : {std::string("PK\x03\x04\x14\0\0\0\x08\0", 10),
                                   std::string("\x80\x02}q\0X\x04\0\0\0", 10)}) {
    std::ofstream(path, std::ios::binary) << start;
    EXPECT_THROW(read_weights(path), CheckpointError);
  }
  // A header of 640 bytes begins as a pickle of protocol 2 does: 80 02.
  const std::string header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  std::ofstream(path, std::ios::binary)
      << std::string("\x80\x02\0\0\0\0\0\0", 8) << header << std::string(640 - header.size(), ' ')
      << std::string(4, '\0');
  EXPECT_EQ(read_weights(path).tensors.size(), 1U);
}

}  // namespace
}  // namespace nearfar
