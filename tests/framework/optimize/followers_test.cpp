// Followers: equal to the naive moving average, gated, and refused where they would be lost or
// doubled.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <stdexcept>

#include "framework/optimize/optimizer.h"
#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

/// A recipe whose followers are moved by an optimiser that leaves the online values as they are.
struct Followed {
  explicit Followed(Recipe& recipe)
      : storage(recipe.parameter_groups()),
        optimizer(make_optimizer({}, storage, FollowerSet(recipe.followers(), recipe, storage))) {}
  void move(double progress, bool gated = false) {
    optimizer->step({0.0, 0.0, progress, at::full({1}, gated ? 1.0 : 0.0, at::kFloat), {}});
  }
  FlatStorage storage;
  std::unique_ptr<Optimizer> optimizer;
};

TEST(FollowerSet, TheTargetStartsAtTheOnlineNetworkAndHasNoGradient) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  FollowerSet followers(recipe.followers(), recipe, storage);
  EXPECT_TRUE(recipe.target->conv.equal(recipe.network->conv));
  EXPECT_TRUE(recipe.target->bias.equal(recipe.network->bias));
  EXPECT_NE(recipe.target->conv.data_ptr(), recipe.network->conv.data_ptr());
  EXPECT_TRUE(recipe.target->conv.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_FALSE(recipe.target->conv.requires_grad());
  EXPECT_FALSE(recipe.target->bias.requires_grad());
}

TEST(FollowerSet, EqualsTheNaiveMovingAverage) {
  for (at::ScalarType type : {at::kFloat, at::kDouble}) {
    SmallRecipe recipe(type);
    recipe.momentum = [](double progress) { return 0.3 + 0.6 * progress; };
    Followed followed(recipe);
    at::Tensor conv = recipe.target->conv.to(at::kDouble),
               bias = recipe.target->bias.to(at::kDouble);
    for (int step = 0; step < 8; ++step) {
      // Through the flat buffer, as an optimiser does.
      followed.storage.parameters().add_(
          at::arange(followed.storage.parameters().numel(), at::kDouble).add(step).sin());
      const double progress = step / 8.0, m = 0.3 + 0.6 * progress;
      conv = m * conv + (1 - m) * recipe.network->conv.detach();
      bias = m * bias + (1 - m) * recipe.network->bias.detach();
      followed.move(progress);
      const double tolerance =
          type == at::kFloat ? 1e-5 : 1e-14;  // a few roundings of values near 5
      EXPECT_LT((recipe.target->conv - conv).abs().max().item<double>(), tolerance) << step;
      EXPECT_LT((recipe.target->bias - bias).abs().max().item<double>(), tolerance) << step;
    }
    EXPECT_FALSE(recipe.target->conv.allclose(recipe.network->conv, 1e-3, 1e-3));
  }
}

TEST(FollowerSet, AGatedStepMovesNothing) {
  SmallRecipe recipe;
  Followed followed(recipe);
  followed.storage.parameters().add_(1.0);
  const at::Tensor before = recipe.target->conv.clone();
  followed.move(0.0, true);
  EXPECT_TRUE(recipe.target->conv.equal(before));
  followed.move(0.0);
  EXPECT_FALSE(recipe.target->conv.equal(before));
}

TEST(FollowerSet, WhatNeverChangesNeedsNoGroup) {
  SmallRecipe recipe;
  recipe.network->bias.requires_grad_(false);  // as MoCo v3 freezes its patch projection
  Followed followed(recipe);
  followed.storage.parameters().add_(1.0);
  followed.move(0.0);
  EXPECT_TRUE(recipe.target->bias.equal(recipe.network->bias));
  EXPECT_NEAR((recipe.network->conv - recipe.target->conv).mean().item<double>(), 0.9, 1e-14);
}

std::string error_of(Recipe& recipe, std::vector<Follower> followers, FlatStorage& storage) {
  try {
    FollowerSet set(std::move(followers), recipe, storage);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

struct OtherShape : torch::nn::Module {
  OtherShape() {
    register_parameter("conv", at::zeros({3, 2, 1, 1}, at::kDouble));
    register_parameter("bias", at::zeros({3}, at::kDouble));
  }
};

struct OnlyBias : torch::nn::Module {
  OnlyBias() { register_parameter("bias", at::zeros({3}, at::kDouble)); }
};

TEST(FollowerSet, RefusesNetworksThatDoNotMatch) {
  SmallRecipe recipe;
  const auto bias = recipe.register_module("only_bias", std::make_shared<OnlyBias>());
  const auto shape = recipe.register_module("other_shape", std::make_shared<OtherShape>());
  for (auto& parameter : bias->parameters()) parameter.requires_grad_(false);
  for (auto& parameter : shape->parameters()) parameter.requires_grad_(false);
  FlatStorage storage(recipe.parameter_groups());
  const auto half = [](double) { return 0.5; };
  EXPECT_EQ(error_of(recipe, {{recipe.network, bias, half}}, storage),
            "FollowerSet: parameter \"conv\": expected in the target, found none");
  EXPECT_EQ(error_of(recipe, {{bias, recipe.target, half}}, storage),
            "FollowerSet: parameter \"conv\": expected in the online network, found none");
  EXPECT_EQ(
      error_of(recipe, {{recipe.network, shape, half}}, storage),
      "FollowerSet: parameter \"conv\": expected shape [3, 2, 2, 2] as in the online network, "
      "got [3, 2, 1, 1]");
}

TEST(FollowerSet, RefusesATargetThatWouldBeLostOrDoubled) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  const auto half = [](double) { return 0.5; };
  const auto outside = std::make_shared<SmallNetwork>(0.0);
  EXPECT_EQ(
      error_of(recipe, {{recipe.network, outside, half}}, storage),
      "FollowerSet: parameter \"conv\": expected the target to be a module of the recipe, and "
      "so saved with it");
  EXPECT_EQ(error_of(recipe, {{recipe.target, recipe.network, half}}, storage),
            "FollowerSet: parameter \"conv\": expected the target in no parameter group");
  const auto left_out = recipe.register_module("left_out", std::make_shared<SmallNetwork>(0.0));
  EXPECT_EQ(error_of(recipe, {{left_out, recipe.target, half}}, storage),
            "FollowerSet: parameter \"conv\": expected the online parameter in a parameter group");
}

TEST(FollowerSet, RefusesMoreFollowersThanAStepHolds) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  EXPECT_EQ(error_of(recipe, std::vector<Follower>(9, recipe.followers().front()), storage),
            "FollowerSet: expected at most 8 followers, got 9");
}

}  // namespace
}  // namespace nearfar
