// An encoder while it is judged: in evaluation mode, and to the bit as it was when that ends.
#include "framework/evaluate/frozen.h"

#include <torch/types.h>

namespace nearfar {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

NamedTensors tensors_of(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

/// As bytes, since a NaN does not equal itself.
at::Tensor bits(const at::Tensor& tensor) {
  return tensor.detach().contiguous().reshape({-1}).view(at::kByte);
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() &&
         at::equal(bits(a), bits(b));
}

}  // namespace

EvaluationMode::EvaluationMode(torch::nn::Module& module)
    : module_(module), own_(module.is_training()) {
  // Without itself: a module on the stack has no shared pointer to give.
  for (const auto& part : module.modules(/*include_self=*/false)) {
    before_.emplace_back(part, part->is_training());
  }
  module.eval();
}

// Parents come before their children in modules(), so a child's own mode is set last.
EvaluationMode::~EvaluationMode() {
  module_.train(own_);
  for (const auto& [part, training] : before_) part->train(training);
}

FrozenCheck::FrozenCheck(const torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors_of(module)) copies_.emplace_back(name, tensor.clone());
}

void FrozenCheck::verify(const torch::nn::Module& module) const {
  const NamedTensors now = tensors_of(module);
  TORCH_CHECK(now.size() == copies_.size(), "frozen encoder: expected ", copies_.size(),
              " parameters and buffers, found ", now.size());
  for (size_t i = 0; i < now.size(); ++i) {
    TORCH_CHECK(now[i].first == copies_[i].first && same_bits(now[i].second, copies_[i].second),
                "frozen encoder: expected ", copies_[i].first,
                " as it was before the probe, found it changed");
  }
}

}  // namespace nearfar
