// Optimisers on flat storage: their gates and groups, clipping, and their state.
#include "framework/optimize/optimizer.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <map>

#include "framework/error.h"
#include "framework/optimize/rule_of_config.h"
#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// At rate 0.1 unless another is given.
Update update(const OptimizerConfig& config, bool not_finite = false, double rate = 0.1) {
  const at::Tensor flag = at::full({1}, not_finite ? 1.0 : 0.0, at::kFloat);
  return {rate, config.weight_decay, 0.0, flag, {}};
}

/// Gradients that depend on the step and on the parameter, written into the flat buffer.
void fill_gradients(FlatStorage& storage, int step) {
  double offset = step;
  for (auto& [name, gradient] : storage.named_views(storage.gradients())) {
    gradient.copy_(at::arange(gradient.numel(), at::kDouble).add(offset).cos().view_as(gradient));
    offset += 0.3;
  }
}

std::vector<OptimizerConfig> configurations() {
  return {{.momentum = 0.9, .weight_decay = 0.01},
          {.momentum = 0.9, .nesterov = true, .weight_decay = 0.01},
          {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.0},
          {.momentum = 0.0, .weight_decay = 0.1},
          {.name = "lars", .weight_decay = 0.01, .lars_convention = "simclr"},
          {.name = "lars", .weight_decay = 0.01, .lars_convention = "clip"},
          {.name = "adamw", .weight_decay = 0.1}};
}

TEST(Optimizer, AFrozenGroupStaysAndHasNoState) {
  SmallRecipe recipe;
  auto groups = recipe.parameter_groups();
  groups[1].frozen = true;
  FlatStorage storage(groups);
  const at::Tensor before = recipe.network->bias.detach().clone();
  const at::Tensor head = recipe.head.detach().clone();
  const OptimizerConfig config;
  const auto optimizer = make_optimizer(config, storage);
  fill_gradients(storage, 0);
  optimizer->step(update(config));
  EXPECT_TRUE(recipe.network->bias.equal(before));
  EXPECT_FALSE(recipe.head.equal(head));
  for (const auto& [name, tensor] : optimizer->state()) EXPECT_NE(name, "momentum.network.bias");
}

TEST(Optimizer, AGatedStepMovesNothing) {
  for (const OptimizerConfig& config : configurations()) {
    SmallRecipe gated, plain;
    FlatStorage gated_storage(gated.parameter_groups()), plain_storage(plain.parameter_groups());
    const auto with_gates = make_optimizer(config, gated_storage);
    const auto without = make_optimizer(config, plain_storage);
    for (int step = 0; step < 4; ++step) {
      // Before each real step, the first included, one whose gradients are not finite.
      for (auto& [name, gradient] : gated_storage.named_views(gated_storage.gradients())) {
        gradient.fill_(NAN);
      }
      with_gates->step(update(config, true));
      fill_gradients(gated_storage, step);
      fill_gradients(plain_storage, step);
      with_gates->step(update(config));
      without->step(update(config));
      ASSERT_TRUE(gated_storage.parameters().equal(plain_storage.parameters())) << step;
    }
    const NamedTensors expected = without->state(), state = with_gates->state();
    ASSERT_EQ(state.size(), expected.size());
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_EQ(state[i].first, expected[i].first);
      EXPECT_TRUE(state[i].second.equal(expected[i].second)) << state[i].first;
    }
  }
}

TEST(Optimizer, ContinuesToTheBitFromItsState) {
  for (const OptimizerConfig& config : configurations()) {
    for (int saved_at : {0, 1, 3}) {
      SmallRecipe recipe;
      FlatStorage storage(recipe.parameter_groups());
      auto optimizer = make_optimizer(config, storage);
      at::Tensor parameters;
      NamedTensors state;
      for (int step = 0; step < 6; ++step) {
        if (step == saved_at) {
          parameters = storage.parameters().clone();
          for (auto& [name, tensor] : optimizer->state()) state.emplace_back(name, tensor.clone());
        }
        fill_gradients(storage, step);
        optimizer->step(update(config));
      }
      SmallRecipe again;
      FlatStorage again_storage(again.parameter_groups());
      again_storage.parameters().copy_(parameters);
      optimizer = make_optimizer(config, again_storage);
      std::reverse(state.begin(), state.end());  // by name, in any order
      optimizer->load_state(state);
      for (int step = saved_at; step < 6; ++step) {
        fill_gradients(again_storage, step);
        optimizer->step(update(config));
      }
      EXPECT_TRUE(again_storage.parameters().equal(storage.parameters())) << saved_at;
    }
  }
}

TEST(Optimizer, RefusesStateThatDoesNotFit) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  const OptimizerConfig config;
  const auto optimizer = make_optimizer(config, storage);
  fill_gradients(storage, 0);
  optimizer->step(update(config));
  NamedTensors good;
  for (auto& [name, tensor] : optimizer->state()) good.emplace_back(name, tensor.clone());
  const auto error_of = [&](const NamedTensors& state) -> std::string {
    try {
      optimizer->load_state(state);
    } catch (const CheckpointError& error) {
      return error.what();
    }
    return "";
  };
  ASSERT_EQ(good.front().first, "momentum.head");
  NamedTensors missing(good.begin() + 1, good.end()), misshapen = good, unknown = good;
  misshapen[0].second = at::zeros({3, 5}, at::kDouble);
  unknown.emplace_back("momentum.body", at::zeros({1}));
  NamedTensors other_type = good;
  for (auto& [name, tensor] : other_type) tensor = at::zeros_like(tensor);
  other_type.back().second = at::zeros({1}, at::kFloat);
  EXPECT_EQ(error_of(missing), "optimizer state \"momentum.head\" is missing");
  EXPECT_EQ(error_of(misshapen),
            "optimizer state \"momentum.head\": expected Double [5, 3], found Double [3, 5]");
  EXPECT_EQ(error_of(unknown),
            "optimizer state \"momentum.body\" belongs to no parameter of this run");
  EXPECT_EQ(error_of(other_type), "optimizer state \"steps\": expected Long [1], found Float [1]");
  for (size_t i = 0; i < good.size(); ++i) {  // and nothing was half loaded
    EXPECT_TRUE(optimizer->state()[i].second.equal(good[i].second)) << good[i].first;
  }
  EXPECT_EQ(error_of(good), "");
}

TEST(Optimizer, StateIsNamedByItsParameter) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : make_optimizer({.name = "adamw"}, storage)->state()) {
    names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"first_moment.head", "first_moment.network.conv",
                                             "first_moment.network.bias", "second_moment.head",
                                             "second_moment.network.conv",
                                             "second_moment.network.bias", "steps"}));
}

/// The movement of one step of plain descent at rate 1: the clipped gradient.
at::Tensor clipped_gradient(const OptimizerConfig& config, double norm) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  const at::Tensor before = storage.parameters().clone();
  fill_gradients(storage, 0);
  storage.gradients().mul_(norm / storage.gradients().norm());
  Update step = update(config, false, 1.0);
  step.gradient_norm = storage.gradients().norm();
  make_optimizer(config, storage)->step(step);
  return before - storage.parameters();
}

TEST(Optimizer, ClipsGradientsOfLargeNormTogether) {
  const OptimizerConfig config{.momentum = 0.0, .weight_decay = 0.0, .clip_gradient = 3.0};
  // max / (norm + 1e-6), as torch.nn.utils.clip_grad_norm_.
  EXPECT_NEAR(clipped_gradient(config, 12.0).norm().item<double>(), 3.0, 3e-6);
  EXPECT_NEAR(clipped_gradient(config, 2.0).norm().item<double>(), 2.0, 1e-12);
}

TEST(Optimizer, ClippingNeedsTheNorm) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  const OptimizerConfig config{.clip_gradient = 3.0};
  EXPECT_THROW(make_optimizer(config, storage)->step(update(config)), c10::Error);
}

std::string refusal(const OptimizerConfig& config) {
  try {
    rule_of(config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Optimizer, RefusesSettingsWithoutMeaning) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  EXPECT_THROW(make_optimizer({.name = "sdg"}, storage), ConfigError);
  EXPECT_EQ(refusal({.name = "sdg"}), "optimizer.name: expected sgd, lars or adamw, got \"sdg\"");
  EXPECT_EQ(refusal({.momentum = 0.0, .nesterov = true}),
            "optimizer.nesterov: expected momentum above 0 and dampening 0, got momentum 0 and "
            "dampening 0");
  EXPECT_NE(refusal({.dampening = 0.1, .nesterov = true}), "");
  EXPECT_EQ(refusal({.name = "lars", .dampening = 0.1}),
            "optimizer.dampening: goes with optimizer.name=sgd, got lars");
  EXPECT_EQ(refusal({.name = "lars", .nesterov = true, .lars_convention = "mocov3"}),
            "optimizer.nesterov: lars_convention=mocov3 has none; simclr, lightly and clip have");
  EXPECT_EQ(refusal({.name = "adamw", .nesterov = true}),
            "optimizer.nesterov: goes with sgd and lars, got adamw");
  EXPECT_EQ(refusal({.name = "lars", .lars_convention = "apex"}),
            "optimizer.lars_convention: expected simclr, mocov3, lightly or clip, got \"apex\"");
  EXPECT_EQ(refusal({.clip_by = "group"}),
            "optimizer.clip_by: expected all or parameter, got \"group\"");
  EXPECT_EQ(refusal({.name = "lars", .clip_gradient = 3.0, .clip_by = "parameter"}),
            "optimizer.clip_by: parameter goes with sgd and adamw; lars scales each parameter's "
            "step");
  EXPECT_EQ(refusal({.name = "lars", .clip_by = "parameter"}), "");  // nothing is clipped
  EXPECT_EQ(refusal({}), "");
}

TEST(Optimizer, RefusesParametersThatItCannotMove) {
  ParameterGroup half{
      .name = "half", .parameters = {{"p", at::zeros({3}, at::kHalf)}}, .fixed_rate = {}};
  FlatStorage storage({half});
  EXPECT_THROW(make_optimizer({}, storage), c10::Error);
}

TEST(Optimizer, MayHaveNothingToMove) {
  FlatStorage storage({});
  const OptimizerConfig config{.name = "lars"};
  make_optimizer(config, storage)->step(update(config));
}

}  // namespace
}  // namespace nearfar
