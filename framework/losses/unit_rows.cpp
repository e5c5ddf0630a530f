// Normalisation of rows.
#include "framework/losses/unit_rows.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <utility>

namespace nearfar {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct Normalized : torch::autograd::Function<Normalized> {
  static Variable forward(AutogradContext* context, const Variable& rows) {
    context->save_for_backward({rows});
    return UnitRows(rows).unit;
  }
  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    TORCH_CHECK(!at::GradMode::is_enabled(),
                "normalized_rows: can be differentiated once, not twice");
    const UnitRows rows(context->get_saved_variables().front());
    return {rows.through(upstream.front().clone())};
  }
};

}  // namespace

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

at::Tensor normalized_rows(const at::Tensor& rows) { return Normalized::apply(rows); }

}  // namespace nearfar
