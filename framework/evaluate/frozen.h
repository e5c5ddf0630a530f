// An encoder while it is judged: in evaluation mode, and to the bit as it was when that ends.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nearfar {

/// Evaluation mode while it lives. Modules may have had different modes, and each gets its own
/// back. `module` must outlive it.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  torch::nn::Module& module_;
  bool own_;
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> before_;
};

/// A copy of a module's parameters and buffers, to prove that a probe trained beside it left them
/// alone (sanity_check of facebookresearch/moco main_lincls.py, with buffers).
class FrozenCheck {
 public:
  explicit FrozenCheck(const torch::nn::Module& module);
  /// Throws c10::Error naming the first tensor of `module` whose bits are not those of the copy.
  void verify(const torch::nn::Module& module) const;

 private:
  std::vector<std::pair<std::string, at::Tensor>> copies_;
};

}  // namespace nearfar
