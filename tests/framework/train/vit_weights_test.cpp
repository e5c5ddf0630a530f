// Weights of ViTs: names there and back, what a file tells, positions of other grids.
#include "framework/train/vit_weights.h"

#include <gtest/gtest.h>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "framework/train/encoder_spec.h"
#include "framework/train/module_state.h"
#include "framework/train/vit_export.h"
#include "framework/train/vit_names.h"
#include "framework/train/weights.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

constexpr const char* kName = "vit_tiny_patch16_224";

TEST(VitNames, GoThereAndBack) {
  for (const auto& [timm, torchvision] :
       {std::pair<std::string, std::string>{"cls_token", "class_token"},
        {"pos_embed", "encoder.pos_embedding"},
        {"patch_embed.proj.weight", "conv_proj.weight"},
        {"blocks.0.norm1.bias", "encoder.layers.encoder_layer_0.ln_1.bias"},
        {"blocks.11.attn.qkv.weight",
         "encoder.layers.encoder_layer_11.self_attention.in_proj_weight"},
        {"blocks.1.attn.proj.bias", "encoder.layers.encoder_layer_1.self_attention.out_proj.bias"},
        {"blocks.3.mlp.fc1.weight", "encoder.layers.encoder_layer_3.mlp.0.weight"},
        {"blocks.3.mlp.fc2.weight", "encoder.layers.encoder_layer_3.mlp.3.weight"},
        {"norm.weight", "encoder.ln.weight"}}) {
    EXPECT_EQ(torchvision_name(timm), torchvision);
    EXPECT_EQ(timm_name(torchvision), timm);
    EXPECT_EQ(timm_name(timm), timm);
  }
  EXPECT_EQ(timm_name("encoder.layers.encoder_layer_3.mlp.linear_2.bias"), "blocks.3.mlp.fc2.bias");
  EXPECT_EQ(timm_name("encoder.layer1.0.conv1.weight"), "encoder.layer1.0.conv1.weight");
}

TEST(VitNames, WrappersAndMomentumEncodersAreToldApart) {
  const auto read = [](const std::vector<std::string>& prefixes) {
    std::vector<std::string> names;
    for (const std::string& prefix : prefixes) {
      for (const char* name : {"cls_token", "blocks.0.norm1.bias", "norm.bias", "head.0.weight"}) {
        names.push_back(prefix + name);
      }
    }
    return read_weight_names(names);
  };
  const WeightNames moco = read({"module.momentum_encoder.", "module.base_encoder."});
  EXPECT_EQ(moco.prefix, "module.base_encoder.");
  EXPECT_EQ(moco.of_file.size(), 3u);
  EXPECT_EQ(moco.left_out.size(), 5u);
  EXPECT_EQ(read({"student.backbone.", "teacher.backbone."}).prefix, "teacher.backbone.");
  const WeightNames wrapped = read_weight_names(
      {"module.class_token", "module.encoder.pos_embedding",
       "module.encoder.layers.encoder_layer_0.ln_1.bias", "module.heads.head.bias"});
  EXPECT_EQ(wrapped.prefix, "module.");
  EXPECT_EQ(wrapped.of_file.at("pos_embed"), "module.encoder.pos_embedding");
  EXPECT_EQ(wrapped.left_out, std::vector<std::string>{"module.heads.head.bias"});
}

EncoderConfig small_config(const std::string& pool = "token") {
  EncoderConfig config;
  config.name = kName;
  config.depth = 1;
  config.pool = pool;
  return config;
}

class VitFile : public testing::Test {
 protected:
  static NamedTensors state(int64_t image_size, const std::string& pool = "token") {
    const auto encoder = make_encoder(small_config(pool), 3, image_size, NormPlan{});
    return module_state(*encoder);
  }

  SafetensorsFile written(const NamedTensors& tensors) const {
    const std::string path = folder_.path() + "/weights.safetensors";
    const std::vector<uint8_t> bytes = encode_tensors(tensors);
    replace_file(real_file_system(), path, bytes.data(), bytes.size());
    return read_weights(path);
  }

  static at::Tensor& positions(NamedTensors& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (name == "pos_embed") return tensor;
    }
    throw std::logic_error("no pos_embed");
  }

  static std::string refusal(const NamedTensors& targets, const SafetensorsFile& file) {
    try {
      load_weights(targets, file, kName);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

TEST_F(VitFile, TellsItsNetwork) {
  const auto weights = vit_weights_of(written(state(64, "avg")));
  ASSERT_TRUE(weights);
  EXPECT_EQ(weights->architecture, kName);
  EXPECT_EQ(weights->depth, 1);
  EXPECT_EQ(weights->patch, 16);
  EXPECT_EQ(weights->side, 4);
  EXPECT_TRUE(weights->mean_pool);
  EXPECT_FALSE(vit_weights_of(written({{"conv1.weight", at::ones({2, 3, 3, 3})}})));
  const EncoderSpec spec = read_encoder_spec(written(state(64)), kName);
  EXPECT_EQ(spec.image_size, 64);
  EXPECT_EQ(spec.config.depth, 1);
  EXPECT_EQ(spec.config.pool, "token");
}

TEST_F(VitFile, PositionsOfAnotherGridAreResampled) {
  NamedTensors source = state(64), target = state(112);
  at::NoGradGuard values_alone;
  positions(source) = at::rand({1, 17, 192}).to(at::kHalf);
  const WeightsReport report = load_weights(target, written(source), kName);
  EXPECT_EQ(report.resampled, "4 x 4 to 7 x 7");
  EXPECT_EQ(report.loaded, report.wanted);
  const at::Tensor expected = resample_positions(positions(source).to(at::kFloat), {4, 4}, {7, 7});
  EXPECT_TRUE(positions(target).equal(expected));
  EXPECT_NE(to_words(report).find("resampled from 4 x 4 to 7 x 7 patches"), std::string::npos);
  EXPECT_EQ(load_weights(state(64), written(state(64)), kName).resampled, "");
}

TEST_F(VitFile, OtherPositionsAreRefusedWithTheReason) {
  const NamedTensors target = state(64);
  const auto with_positions = [&](at::IntArrayRef shape) {
    NamedTensors source = state(64);
    positions(source) = at::zeros(shape);
    return refusal(target, written(source));
  };
  EXPECT_NE(with_positions({1, 16, 192}).find("4 x 4 patches and none for the class token"),
            std::string::npos);
  EXPECT_NE(with_positions({1, 24, 192}).find("no square grid"), std::string::npos);
  EXPECT_NE(with_positions({1, 50, 96}).find("found F32 [1, 50, 96])"), std::string::npos);
  EXPECT_NE(refusal(target, written(state(64, "avg"))).find("missing: norm.weight"),
            std::string::npos);
}

TEST(VitExport, SaysWhatDiffersFromTheName) {
  EncoderSpec spec;
  spec.config.name = kName;
  EXPECT_EQ(vit_lines(spec, "timm"),
            std::vector<std::string>{
                "model = timm.create_model(\"vit_tiny_patch16_224\", num_classes=0)"});
  spec.config = small_config("avg");
  spec.config.patch = 4;
  spec.config.heads = 6;
  spec.image_size = 28;
  spec.channels = 1;
  EXPECT_EQ(to_text(timm_arguments(spec), -1),
            "{\"img_size\":28,\"patch_size\":4,\"in_chans\":1,\"depth\":1,\"num_heads\":6,"
            "\"global_pool\":\"avg\"}");
  EXPECT_THROW(vit_lines(spec, "torchvision"), ConfigError);
}

}  // namespace
}  // namespace nearfar
