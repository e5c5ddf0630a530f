// The flag of finite steps.
#include "framework/train/finite_flag.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/types.h>

#include <utility>

namespace nearfar {

FiniteFlag::FiniteFlag(at::Device device, Reading reading)
    : device_(device),
      reading_(reading),
      not_finite_(at::zeros({1}, at::TensorOptions(device).dtype(at::kFloat))) {}

void FiniteFlag::note(int64_t step, const at::Tensor& loss, const at::Tensor& gradient_norm,
                      const at::Tensor& votes) {
  const at::NoGradGuard no_grad;
  // Doubles: a norm that float64 training can hold may not fit into a float.
  const at::Tensor values = at::stack({loss.to(at::kDouble), gradient_norm.to(at::kDouble)});
  const at::Tensor bad = at::isfinite(values).all().logical_not().to(at::kFloat).view(1);
  not_finite_ = at::maximum(not_finite_, bad);
  if (reading_ == Reading::never) return;
  std::vector<at::Tensor> parts{values, not_finite_.to(at::kDouble)};
  if (votes.defined()) parts.push_back(votes.to(at::kDouble));
  const at::Tensor row = at::cat(parts);
  Noted noted{step, row, std::nullopt};
  if (device_.is_cuda()) {
    noted.values = at::empty(row.sizes(), at::TensorOptions(at::kDouble).pinned_memory(true));
    noted.values.copy_(row, /*non_blocking=*/true);
    noted.copied.emplace(device_.type());
    noted.copied->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  }
  noted_.push_back(std::move(noted));
}

std::optional<NotFinite> FiniteFlag::failure() {
  for (const size_t leave = reading_ == Reading::late ? 1 : 0; noted_.size() > leave;
       noted_.pop_front()) {
    const Noted& noted = noted_.front();
    look(noted);
    const double* values = noted.values.const_data_ptr<double>();
    votes_.push_back({noted.step, {values + 3, values + noted.values.numel()}});
  }
  return failure_;
}

std::vector<StepVotes> FiniteFlag::take_votes() { return std::exchange(votes_, {}); }

std::optional<NotFinite> FiniteFlag::settle() {
  // Their votes stay where they are: who settles is no reason to hear of them sooner than others.
  for (const Noted& noted : noted_) look(noted);
  return failure_;
}

void FiniteFlag::look(const Noted& noted) {
  if (noted.copied) noted.copied->synchronize();
  const double* values = noted.values.const_data_ptr<double>();
  if (values[2] != 0.0 && !failure_) failure_ = NotFinite{noted.step, values[0], values[1]};
}

}  // namespace nearfar
