// Updates on a GPU: the CPU's numbers, nothing moved where gated, state that goes on.
#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "framework/train/device.h"
#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

/// The GPU as the program opens it.
class GpuUpdate : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_nvidia_driver()) GTEST_SKIP() << "no NVIDIA driver on this machine";
    open_cuda();
  }
};

/// A small recipe with its optimiser on a device.
struct Trained {
  Trained(const OptimizerConfig& config, at::ScalarType type, at::Device device)
      : recipe(type), on(device) {
    recipe.to(device);
    storage = std::make_unique<FlatStorage>(recipe.parameter_groups());
    optimizer = make_optimizer(config, *storage, FollowerSet(recipe.followers(), recipe, *storage),
                               device.is_cuda() ? cuda_update() : DeviceUpdate{});
  }
  void step(int index, bool gated = false) {
    const at::NoGradGuard no_grad;
    const int64_t count = storage->gradients().numel();
    storage->gradients().copy_(at::arange(count, at::kDouble).add(index).cos());
    const at::Tensor flag = at::full({1}, gated ? 1.0 : 0.0, at::kFloat).to(on);
    optimizer->step({0.05 * index, 0.01, 0.0, flag, storage->gradients().norm()});
  }
  SmallRecipe recipe;
  at::Device on;
  std::unique_ptr<FlatStorage> storage;
  std::unique_ptr<Optimizer> optimizer;
};

std::vector<OptimizerConfig> rules() {
  return {{.nesterov = true},
          {.momentum = 0.0, .clip_gradient = 0.5},
          {.name = "lars", .lars_convention = "simclr", .eta = 0.05},
          {.name = "lars", .lars_convention = "clip", .eta = 0.05},
          {.name = "adamw", .clip_gradient = 0.5, .clip_by = "parameter"}};
}

// The GPU contracts to fused multiply-adds and sums in another order.
TEST_F(GpuUpdate, EqualsTheCpu) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const double tolerance = type == at::kFloat ? 1e-5 : 1e-13;
    for (const OptimizerConfig& config : rules()) {
      Trained cpu(config, type, at::kCPU), gpu(config, type, at::kCUDA);
      for (int step = 0; step < 5; ++step) {
        cpu.step(step);
        gpu.step(step);
        EXPECT_TRUE(gpu.storage->parameters().cpu().allclose(cpu.storage->parameters(), tolerance,
                                                             tolerance))
            << config.name << " at step " << step;
        EXPECT_TRUE(
            gpu.recipe.target->conv.cpu().allclose(cpu.recipe.target->conv, tolerance, tolerance));
      }
    }
  }
}

TEST_F(GpuUpdate, AGatedStepMovesNothing) {
  for (const OptimizerConfig& config : rules()) {
    Trained gpu(config, at::kFloat, at::kCUDA);
    gpu.step(1);
    const at::Tensor parameters = gpu.storage->parameters().clone();
    const at::Tensor target = gpu.recipe.target->conv.clone();
    std::vector<at::Tensor> state;
    for (const auto& [name, tensor] : gpu.optimizer->state()) state.push_back(tensor.clone());
    gpu.step(2, /*gated=*/true);
    EXPECT_TRUE(gpu.storage->parameters().equal(parameters));
    EXPECT_TRUE(gpu.recipe.target->conv.equal(target));
    for (size_t i = 0; i < state.size(); ++i) {
      EXPECT_TRUE(gpu.optimizer->state()[i].second.equal(state[i]));
    }
  }
}

TEST_F(GpuUpdate, EqualInputGivesEqualBits) {
  for (const OptimizerConfig& config : rules()) {
    Trained one(config, at::kFloat, at::kCUDA), other(config, at::kFloat, at::kCUDA);
    for (int step = 0; step < 5; ++step) {
      one.step(step);
      other.step(step);
    }
    EXPECT_TRUE(one.storage->parameters().equal(other.storage->parameters())) << config.name;
  }
}

}  // namespace
}  // namespace nearfar
