// Normalisation of rows.
#include "framework/losses/unit_rows.h"

#include <torch/types.h>

#include <utility>

namespace nearfar {

UnitRows::UnitRows(const at::Tensor& rows) {
  const at::NoGradGuard no_grad;
  const at::Tensor values = rows.detach();
  // The largest component is taken out first.
  largest_ = at::maximum(values.amax(-1, /*keepdim=*/true), values.amin(-1, true).neg_());
  const at::Tensor zero = largest_.eq(0);
  largest_.masked_fill_(zero, 1.0);
  unit = values.div(largest_).contiguous();
  length_ = unit.square().sum(-1, true).masked_fill_(zero, 1.0).sqrt_();
  unit.div_(length_);
}

at::Tensor UnitRows::through(at::Tensor gradient) const {
  const at::Tensor along = gradient.mul(unit).sum(-1, /*keepdim=*/true);
  return gradient.addcmul_(unit, along, -1.0).div_(length_).div_(largest_);
}

}  // namespace nearfar
