// A recipe of a few parameters, with a network and one that follows it.
#pragma once

#include <torch/types.h>

#include <memory>
#include <stdexcept>
#include <utility>

#include "framework/recipe/recipe.h"

namespace nearfar {

/// conv [3, 2, 2, 2] and bias [3]: sizes that leave gaps in aligned storage.
struct SmallNetwork : torch::nn::Module {
  explicit SmallNetwork(double phase, at::ScalarType type = at::kDouble) {
    const auto filled = [&](at::IntArrayRef shape, double offset) {
      int64_t count = 1;
      for (int64_t size : shape) count *= size;
      return at::arange(count, at::kDouble).add(phase + offset).sin().view(shape).to(type);
    };
    conv = register_parameter("conv", filled({3, 2, 2, 2}, 0.0));
    bias = register_parameter("bias", filled({3}, 0.5));
  }
  at::Tensor forward(const at::Tensor& images) {
    return at::conv2d(images, conv, bias).tanh().mean({2, 3});
  }
  at::Tensor conv, bias;
};

/// network, head (optimised), target (follows the network).
struct SmallRecipe : Recipe {
  explicit SmallRecipe(at::ScalarType type = at::kDouble)
      : network(register_module("network", std::make_shared<SmallNetwork>(0.0, type))),
        target(register_module("target", std::make_shared<SmallNetwork>(7.0, type))) {
    head = register_parameter("head", at::arange(15, at::kDouble).cos().view({5, 3}).to(type));
  }
  std::vector<ViewPolicy> views() const override { return {}; }
  Embeddings embed(const Batch& batch) override {
    return {network->forward(batch.views.at(0)).matmul(head.t())};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {embeddings.at(0).square().sum(), 0.0, {}};
  }
  std::vector<Follower> followers() override {
    return {{network, target, [this](double progress) { return momentum(progress); }}};
  }
  std::shared_ptr<Encoder> encoder() const override { throw std::logic_error("no encoder here"); }

  /// Backward on fixed images; gradients accumulate in the parameters.
  void accumulate_gradients() {
    Batch batch;
    batch.views = {at::arange(36, head.options().requires_grad(false)).sin().view({2, 2, 3, 3})};
    loss(embed(batch), batch).value.backward();
  }

  std::shared_ptr<SmallNetwork> network, target;
  at::Tensor head;
  std::function<double(double)> momentum = [](double) { return 0.9; };
};

}  // namespace nearfar
