// An autograd function that hands out a gradient that is there already.
#include "framework/losses/known_gradient.h"

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace nearfar {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What is to be multiplied with the gradient: `factor`, when it is allowed.
at::Tensor allowed(const at::Tensor& factor, const std::string& name) {
  if (!factor.is_cpu()) {
    return at::where(factor == 1, factor, std::numeric_limits<double>::quiet_NaN());
  }
  const double value = factor.item<double>();
  // NaN goes through: a run that diverges says so itself.
  TORCH_CHECK(value == 1.0 || std::isnan(value), name,
              ": expected the loss to be differentiated as it is, got a factor of ", value,
              "; give factors to the loss itself (weight): other ranks must know them");
  return factor;
}

struct KnownGradient : torch::autograd::Function<KnownGradient> {
  static Variable forward(AutogradContext* context, at::TensorList /*inputs*/,
                          const ValueAndGradients& known, const std::string& name, Factor factor) {
    context->save_for_backward(known.gradients);
    context->saved_data["name"] = name;
    context->saved_data["given_before"] = factor == Factor::given_before;
    return known.value;
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const std::string name = context->saved_data["name"].toStringRef();
    TORCH_CHECK(!at::GradMode::is_enabled(), name, ": can be differentiated once, not twice");
    const bool given_before = context->saved_data["given_before"].toBool();
    const at::Tensor factor = given_before ? allowed(upstream[0], name) : upstream[0];
    variable_list gradients;
    for (const Variable& gradient : context->get_saved_variables()) {
      gradients.push_back(gradient * factor);
    }
    gradients.resize(gradients.size() + 3);
    return gradients;
  }
};

}  // namespace

at::Tensor with_known_gradient(const char* name, Factor factor,
                               const std::vector<at::Tensor>& inputs,
                               const std::function<ValueAndGradients(bool gradients)>& compute) {
  const bool wanted = at::GradMode::is_enabled() &&
                      std::any_of(inputs.begin(), inputs.end(),
                                  [](const at::Tensor& input) { return input.requires_grad(); });
  ValueAndGradients known;
  {
    const at::NoGradGuard no_grad;
    // Under autocast products would be rounded to bfloat16, a hundredth of a unit at a sharp
    // temperature.
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    known = compute(wanted);
  }
  if (!wanted) return known.value;
  TORCH_INTERNAL_ASSERT(known.gradients.size() == inputs.size());
  return KnownGradient::apply(at::TensorList(inputs), known, std::string(name), factor);
}

}  // namespace nearfar
