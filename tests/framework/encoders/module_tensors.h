// What the encoder tests do with modules: float64, gradients, tensors by name.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <string>

namespace nearfar {

/// Floating-point parameters and buffers to float64; counters stay integers.
inline void to_double(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (at::Tensor& tensor : module.parameters()) tensor.set_data(tensor.to(at::kDouble));
  for (at::Tensor& tensor : module.buffers()) {
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(at::kDouble));
  }
}

inline at::Tensor parameter(const torch::nn::Module& module, const std::string& name) {
  return module.named_parameters()[name];
}

inline at::Tensor buffer(const torch::nn::Module& module, const std::string& name) {
  return module.named_buffers()[name];
}

/// Deterministic values in [-1, 1) that repeat nowhere in a test's sizes.
inline at::Tensor waves(at::IntArrayRef shape, double phase) {
  const int64_t count = c10::multiply_integers(shape);
  return at::sin(at::arange(count, at::kDouble).square() * 0.37 + phase).view(shape);
}

inline double worst_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace nearfar
