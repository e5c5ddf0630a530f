// SGD on flat storage: against loops over doubles, its gates and groups, and its state.
#include "framework/optimize/optimizer.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <map>

#include "framework/error.h"
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

/// torch.optim.SGD on one parameter, element by element.
struct SgdByLoops {
  OptimizerConfig config;
  std::vector<double> values, velocity;
  void step(const at::Tensor& gradient, double rate, double weight_decay) {
    const at::Tensor gradients = gradient.contiguous().view(-1);
    const bool first = velocity.empty();
    if (first) velocity.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const double d = gradients[static_cast<int64_t>(i)].item<double>() + weight_decay * values[i];
      velocity[i] = first ? d : config.momentum * velocity[i] + (1 - config.dampening) * d;
      values[i] -= rate * (config.nesterov ? d + config.momentum * velocity[i] : velocity[i]);
    }
  }
};

std::vector<double> elements(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().contiguous().view(-1);
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

std::vector<OptimizerConfig> configurations() {
  return {{.momentum = 0.9, .weight_decay = 0.01},
          {.momentum = 0.9, .nesterov = true, .weight_decay = 0.01},
          {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.0},
          {.momentum = 0.0, .weight_decay = 0.1}};
}

TEST(Sgd, EqualsLoopsWithEveryKindOfGroup) {
  for (const OptimizerConfig& config : configurations()) {
    SmallRecipe recipe;
    const auto parameters = recipe.named_parameters();
    FlatStorage storage(
        {{.name = "all", .parameters = {{"conv", parameters["network.conv"]}}, .fixed_rate = {}},
         {.name = "plain",
          .parameters = {{"bias", parameters["network.bias"]}},
          .decay = false,
          .rate_scale = 0.5,
          .fixed_rate = {}},
         {.name = "fixed", .parameters = {{"head", parameters["head"]}}, .fixed_rate = 0.07}});
    std::map<std::string, SgdByLoops> loops;
    for (auto& [name, view] : storage.named_views(storage.parameters())) {
      loops[name] = {config, elements(view), {}};
    }
    const auto optimizer = make_optimizer(config, storage);
    for (int step = 0; step < 6; ++step) {
      const double rate = 0.1 + 0.05 * step;
      fill_gradients(storage, step);
      for (auto& [name, gradient] : storage.named_views(storage.gradients())) {
        loops[name].step(gradient,
                         name == "head"   ? 0.07
                         : name == "bias" ? 0.5 * rate
                                          : rate,
                         name == "bias" ? 0.0 : config.weight_decay);
      }
      optimizer->step(update(config, false, rate));
      for (auto& [name, view] : storage.named_views(storage.parameters())) {
        const std::vector<double> got = elements(view);
        for (size_t i = 0; i < got.size(); ++i) {
          // Six steps of values near 1, in another order of operations.
          ASSERT_NEAR(got[i], loops[name].values[i], 1e-14) << name << " at step " << step;
        }
      }
    }
    EXPECT_TRUE(parameters["head"].equal(
        storage.named_views(storage.parameters()).back().second));  // the module sees the update
  }
}

TEST(Sgd, AFrozenGroupStaysAndHasNoState) {
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

TEST(Sgd, AGatedStepMovesNothing) {
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

TEST(Sgd, ContinuesToTheBitFromItsState) {
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

TEST(Sgd, RefusesStateThatDoesNotFit) {
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

TEST(Sgd, RefusesSettingsWithoutMeaning) {
  SmallRecipe recipe;
  FlatStorage storage(recipe.parameter_groups());
  EXPECT_THROW(make_optimizer({.name = "sdg"}, storage), ConfigError);
  EXPECT_THROW(make_optimizer({.momentum = 0.0, .nesterov = true}, storage), ConfigError);
  EXPECT_THROW(make_optimizer({.dampening = 0.1, .nesterov = true}, storage), ConfigError);
}

}  // namespace
}  // namespace nearfar
