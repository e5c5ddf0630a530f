// ViTs: sizes and first weights of timm's, MoCo v3's start, pooling, other image sizes, pieces of a
// batch. Outputs and gradients against timm are golden cases (tests/golden/make_vit.py).
#include "framework/encoders/vit.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <array>
#include <cmath>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

EncoderConfig small_config() {
  EncoderConfig config;
  config.name = "vit_tiny_patch16_224";
  config.patch = 4;
  config.depth = 2;
  return config;
}

std::shared_ptr<Vit> make(const EncoderConfig& config, int64_t image_size, int64_t channels = 1,
                          const NormPlan& plan = {}) {
  at::manual_seed(5);
  return std::dynamic_pointer_cast<Vit>(make_encoder(config, channels, image_size, plan));
}

Random stream() { return {7, 0, 1, Purpose::recipe}; }

// Counted in timm 1.0.31: len(list(m.parameters())) and the sum of numel with num_classes=0.
TEST(Vit, EveryModelHasTimmsSize) {
  struct Size {
    const char* name;
    int64_t values;
    int64_t width;
  };
  for (const Size& size :
       {Size{"vit_tiny_patch16_224", 5524416, 192}, Size{"vit_small_patch16_224", 21665664, 384},
        Size{"vit_base_patch16_224", 85798656, 768}}) {
    EncoderConfig config;
    config.name = size.name;
    const auto vit = make(config, 224, 3);
    int64_t values = 0;
    for (const at::Tensor& tensor : vit->parameters()) values += tensor.numel();
    EXPECT_EQ(vit->parameters().size(), 150u) << size.name;
    EXPECT_EQ(values, size.values) << size.name;
    EXPECT_EQ(vit->width(), size.width) << size.name;
  }
}

struct Start {
  const char* model;
  const char* key;
  std::array<double, 4> values;
};

// torch.manual_seed(1234); timm.create_model(NAME).state_dict()[KEY].flatten()[:4], torch 2.11.0
// and timm 1.0.31.
const Start kStarts[] = {{"vit_tiny_patch16_224",
                          "pos_embed",
                          {0x1.576b6cp-6, 0x1.3b6f2p-6, 0x1.1dce66p-6, -0x1.ed58cap-6}},
                         {"vit_tiny_patch16_224",
                          "cls_token",
                          {-0x1.1b1b0ep-21, 0x1.44fde8p-23, -0x1.00e44ap-20, 0x1.79ae4p-23}},
                         {"vit_tiny_patch16_224",
                          "patch_embed.proj.weight",
                          {-0x1.16787ap-5, -0x1.cffc5cp-8, -0x1.1bf6a4p-6, -0x1.3b5ecp-7}},
                         {"vit_tiny_patch16_224",
                          "patch_embed.proj.bias",
                          {-0x1.174facp-7, -0x1.a8f04cp-6, 0x1.2380f4p-6, 0x1.b7e9ccp-8}},
                         {"vit_tiny_patch16_224",
                          "blocks.5.mlp.fc1.weight",
                          {0x1.a03e1p-9, 0x1.265a66p-6, -0x1.60aa26p-7, -0x1.41d726p-7}},
                         {"vit_small_patch16_224",
                          "blocks.0.attn.qkv.weight",
                          {-0x1.2e343ep-5, 0x1.e5fdb6p-7, 0x1.0c6cp-5, -0x1.3a1c96p-10}},
                         {"vit_small_patch16_224",
                          "blocks.11.mlp.fc2.weight",
                          {0x1.66f852p-6, 0x1.9fb448p-9, -0x1.79776ap-8, -0x1.484ccap-10}}};

TEST(Vit, EqualSeedsGiveTimmsWeights) {
  for (const Start& start : kStarts) {
    EncoderConfig config;
    config.name = start.model;
    at::manual_seed(1234);
    const auto vit = make_encoder(config, 3, 224, {});
    const at::Tensor values = parameter(*vit, start.key).flatten();
    for (int i = 0; i < 4; ++i) {
      // The draws and their order are the same; the inverse error function may round otherwise on
      // another processor.
      EXPECT_NEAR(values[i].item<double>(), start.values[i], 1e-6 * std::abs(start.values[i]))
          << start.model << " " << start.key;
    }
    for (const auto& item : vit->named_parameters()) {
      if (!item.key().ends_with(".bias") || item.key().starts_with("patch_embed")) continue;
      EXPECT_EQ(item.value().abs().max().item<double>(), 0.0) << item.key();
    }
  }
}

// A uniform variable on [-b, b] has variance b^2 / 3; its estimate from n draws a standard error of
// 0.298 b^2 / sqrt(n), of which five are allowed.
void expect_uniform(const at::Tensor& values, double bound, const std::string& name) {
  const auto count = static_cast<double>(values.numel());
  EXPECT_LE(values.abs().max().item<double>(), bound) << name;
  const double square = values.to(at::kDouble).square().mean().item<double>();
  EXPECT_NEAR(square, bound * bound / 3.0, 5.0 * 0.298 * bound * bound / std::sqrt(count)) << name;
}

TEST(Vit, StartsAsMocoV3Does) {
  EncoderConfig config = small_config();
  config.start = "mocov3";
  config.position = "sincos";
  const auto vit = make(config, 32, 3);
  for (const std::string block : {"blocks.0.", "blocks.1."}) {
    const auto weight = [&](const std::string& name) { return parameter(*vit, block + name); };
    expect_uniform(weight("attn.qkv.weight"), std::sqrt(6.0 / (192 + 192)), "qkv");
    expect_uniform(weight("attn.proj.weight"), std::sqrt(6.0 / (192 + 192)), "proj");
    expect_uniform(weight("mlp.fc1.weight"), std::sqrt(6.0 / (192 + 768)), "fc1");
    expect_uniform(weight("mlp.fc2.weight"), std::sqrt(6.0 / (768 + 192)), "fc2");
    for (const char* bias : {"attn.qkv.bias", "mlp.fc2.bias"}) {
      EXPECT_EQ(weight(bias).abs().max().item<double>(), 0.0);
    }
  }
  expect_uniform(parameter(*vit, "patch_embed.proj.weight"), std::sqrt(6.0 / (3 * 16 + 192)),
                 "patch");
  EXPECT_EQ(parameter(*vit, "patch_embed.proj.bias").abs().max().item<double>(), 0.0);
  EXPECT_LT(parameter(*vit, "cls_token").abs().max().item<double>(), 1e-5);
}

TEST(Vit, FixedPositionsAreNotTrained) {
  EncoderConfig config = small_config();
  config.position = "sincos";
  const auto vit = make(config, 28);
  const at::Tensor positions = parameter(*vit, "pos_embed");
  EXPECT_FALSE(positions.requires_grad());
  EXPECT_TRUE(positions.equal(sincos_positions({7, 7}, 192)));
  EXPECT_EQ(positions.select(1, 0).abs().max().item<double>(), 0.0);
  Random random = stream();
  vit->forward(at::rand({2, 1, 28, 28}), random).sum().backward();
  EXPECT_FALSE(positions.grad().defined());
  EXPECT_TRUE(parameter(*make(small_config(), 28), "pos_embed").requires_grad());
}

TEST(Vit, PoolsTheTokenOrThePatches) {
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::rand({3, 1, 28, 28});
  Random random = stream();
  const auto token = make(small_config(), 28);
  EXPECT_TRUE(token->forward(images, random).equal(token->tokens(images, random).select(1, 0)));
  EXPECT_EQ(token->tokens(images, random).sizes(), (std::vector<int64_t>{3, 50, 192}));
  EncoderConfig config = small_config();
  config.pool = "avg";
  const auto mean = make(config, 28);
  EXPECT_EQ(mean->named_parameters().keys().back(), "fc_norm.bias");
  const at::Tensor pooled = mean->tokens(images, random).slice(1, 1).mean(1);
  const at::Tensor expected =
      (pooled - pooled.mean(1, true)) / (pooled.var(1, /*unbiased=*/false, true) + 1e-6).sqrt();
  // float32 of size 1; the norm still is the identity's.
  EXPECT_LT(worst_difference(mean->forward(images, random), expected), 1e-5);
}

TEST(Vit, TakesOtherImageSizesAndRefusesParts) {
  const at::NoGradGuard no_grad;
  const auto vit = make(small_config(), 28);
  Random random = stream();
  EXPECT_EQ(vit->forward(at::rand({2, 1, 32, 20}), random).sizes(), (std::vector<int64_t>{2, 192}));
  try {
    vit->forward(at::rand({2, 1, 28, 30}), random);
    FAIL() << "expected ConfigError";
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("28 x 30"), std::string::npos) << what;
    EXPECT_NE(what.find("patch of 4"), std::string::npos) << what;
  }
}

std::string refusal(const EncoderConfig& config, int64_t image_size) {
  try {
    make_encoder(config, 3, image_size, {});
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Vit, RefusesWhatDoesNotFit) {
  EncoderConfig config;
  config.name = "vit_tiny_patch16_224";
  EXPECT_EQ(
      refusal(config, 28),
      "encoder.patch: expected a divisor of the views' 28 pixels (possible: 2, 4, 7, 14), got "
      "16");
  EXPECT_NE(refusal(config, 8).find("possible: 2, 4, 8"), std::string::npos);
  config.heads = 5;
  EXPECT_NE(refusal(config, 224).find("encoder.heads: expected a divisor of the width 192"),
            std::string::npos);
  config = small_config();
  config.pool = "max";
  EXPECT_NE(refusal(config, 32).find("encoder.pool"), std::string::npos);
  config = small_config();
  config.start = "zeros";
  EXPECT_NE(refusal(config, 32).find("encoder.start"), std::string::npos);
  config = small_config();
  config.patch = 0;
  EXPECT_NE(refusal(config, 32).find("encoder.patch"), std::string::npos);
  config = small_config();
  EXPECT_NE(refusal(config, 4096).find("256 patches a side"), std::string::npos);
}

/// Features of `piece` of a batch of 6 in training, and the gradients of all parameters.
std::pair<at::Tensor, std::vector<at::Tensor>> step(const Shard& piece) {
  EncoderConfig config = small_config();
  config.drop_path = 0.5;
  NormPlan plan;
  plan.piece = std::make_shared<const Shard>(piece);
  const auto vit = make(config, 16, 1, plan);
  to_double(*vit);
  const auto part = [&](double phase, at::IntArrayRef shape) {
    return waves(shape, phase).slice(0, piece.begin, piece.end);
  };
  Random random = stream();
  const at::Tensor features = vit->forward(part(0.2, {6, 1, 16, 16}), random);
  (features * part(0.9, {6, 192})).sum().backward();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& tensor : vit->parameters()) gradients.push_back(tensor.grad());
  return {features.detach(), gradients};
}

TEST(Vit, PiecesOfABatchAreTheBatch) {
  const auto [features, gradients] = step({0, 6, 6});
  const auto [first, first_gradients] = step({0, 4, 6});
  const auto [second, second_gradients] = step({4, 6, 6});
  // float64; products of matrices may sum in another order for other numbers of rows.
  EXPECT_LT(worst_difference(at::cat({first, second}), features), 1e-12);
  for (size_t i = 0; i < gradients.size(); ++i) {
    EXPECT_LT(worst_difference(first_gradients[i] + second_gradients[i], gradients[i]), 1e-11);
  }
}

TEST(Vit, DroppedPathsGrowFromTheFirstBlock) {
  EncoderConfig config = small_config();
  config.drop_path = 0.9;
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::rand({16, 1, 16, 16});
  // With two blocks the last is left out in nine of ten images, the first in none: with its weights
  // at nothing, no draw shows.
  const auto vit = make(config, 16);
  Random one = stream(), two(8, 0, 2, Purpose::recipe);
  EXPECT_FALSE(vit->forward(images, one).equal(vit->forward(images, two)));
  for (const auto& item : vit->named_parameters()) {
    if (item.key().starts_with("blocks.1.") && item.key().find("norm") == std::string::npos) {
      item.value().zero_();
    }
  }
  EXPECT_TRUE(vit->forward(images, one).equal(vit->forward(images, two)));
}

TEST(Vit, RunsInBfloat16) {
  const auto vit = make(small_config(), 28);
  const at::Tensor images = at::rand({4, 1, 28, 28});
  Random random = stream();
  const at::Tensor expected = vit->forward(images, random).detach();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const at::Tensor features = vit->forward(images, random);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(features.scalar_type(), at::kFloat);  // the sums between the blocks are float32
  // Features are normalised, of size 1; bfloat16 has 8 bits and rounds a score of times.
  EXPECT_LT(worst_difference(features, expected), 0.1);
  EXPECT_GT(worst_difference(features, expected), 1e-5);
  features.square().sum().backward();
  for (const auto& item : vit->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_EQ(item.value().grad().scalar_type(), at::kFloat);
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }
}

}  // namespace
}  // namespace nearfar
