// Entropic transport between point sets, and its gradient.
#include <torch/types.h>

#include <cmath>

#include "framework/distances/norms.h"
#include "framework/distances/sets.h"
#include "framework/losses/known_gradient.h"

// Shapes: n and m points of the two sets, d dimensions.

namespace nearfar {
namespace {

constexpr const char* kName = "sinkhorn_distance";

/// The plan [n, m] of uniform weights, by alternating scaling of rows and columns in logarithms.
at::Tensor converged_plan(const at::Tensor& cost_nm, const SinkhornOptions& options) {
  const double log_n = std::log(static_cast<double>(cost_nm.size(0)));
  const double log_m = std::log(static_cast<double>(cost_nm.size(1)));
  const at::Tensor kernel_nm = cost_nm / -options.epsilon;
  at::Tensor column_m = at::zeros({cost_nm.size(1)}, cost_nm.options());
  double residual = 0.0;
  for (int64_t iteration = 0; iteration < options.most_iterations; ++iteration) {
    const at::Tensor row_n = (kernel_nm + column_m).logsumexp(1).neg_().sub_(log_n);
    const at::Tensor half_nm = kernel_nm + row_n.unsqueeze(1);
    column_m = half_nm.logsumexp(0).neg_().sub_(log_m);
    const at::Tensor plan_nm = (half_nm + column_m).exp_();
    residual = (plan_nm.sum(1) - std::exp(-log_n)).abs().max().item<double>();
    if (!(residual > options.residual)) return plan_nm;
  }
  TORCH_CHECK(false, kName, ": expected row sums within ", options.residual,
              " of their weights after ", options.most_iterations, " iterations, got ", residual,
              "; a larger epsilon converges faster");
}

/// d value / d cost. With potentials f, g the plan is exp((f_i + g_j - c_ij) / epsilon); its sums
/// stay what they are, which determines how f and g move: a symmetric system, singular only in the
/// shift (1, -1).
at::Tensor slope_of_cost(const at::Tensor& plan_nm, const at::Tensor& cost_nm, double epsilon) {
  const at::Tensor weighted_nm = plan_nm * cost_nm;
  const at::Tensor sums = at::cat({weighted_nm.sum(1), weighted_nm.sum(0)});
  const at::Tensor across = at::cat({at::diag(plan_nm.sum(1)), plan_nm}, 1);
  const at::Tensor down = at::cat({plan_nm.t(), at::diag(plan_nm.sum(0))}, 1);
  const at::Tensor system = at::cat({across, down});
  const at::Tensor shift = at::cat({at::ones({plan_nm.size(0)}, plan_nm.options()),
                                    -at::ones({plan_nm.size(1)}, plan_nm.options())});
  const at::Tensor answer =
      at::linalg_solve(system + shift.outer(shift) / shift.numel(), sums.unsqueeze(1)).squeeze(1);
  const at::Tensor f_n = answer.narrow(0, 0, plan_nm.size(0));
  const at::Tensor g_m = answer.narrow(0, plan_nm.size(0), plan_nm.size(1));
  return plan_nm * (1.0 + (f_n.unsqueeze(1) + g_m - cost_nm) / epsilon);
}

ValueAndGradients compute(const at::Tensor& x, const at::Tensor& y, const SinkhornOptions& options,
                          bool gradients) {
  const at::Tensor x_nd = x.to(at::kDouble), y_md = y.to(at::kDouble);
  const at::Tensor cost_nm = SquaredEuclideanDistance().matrix(x_nd, y_md);
  const at::Tensor plan_nm = converged_plan(cost_nm, options);
  ValueAndGradients result{(plan_nm * cost_nm).sum().to(x.scalar_type()), {}};
  if (!gradients) return result;
  const at::Tensor slope_nm = slope_of_cost(plan_nm, cost_nm, options.epsilon);
  const at::Tensor at_x = 2.0 * (x_nd * slope_nm.sum(1, true) - slope_nm.matmul(y_md));
  const at::Tensor at_y = 2.0 * (y_md * slope_nm.sum(0).unsqueeze(1) - slope_nm.t().matmul(x_nd));
  result.gradients = {at_x.to(x.scalar_type()), at_y.to(y.scalar_type())};
  return result;
}

}  // namespace

at::Tensor sinkhorn_distance(const at::Tensor& x, const at::Tensor& y,
                             const SinkhornOptions& options) {
  TORCH_CHECK(x.dim() == 2 && y.dim() == 2 && x.size(1) == y.size(1) && x.size(0) > 0 &&
                  y.size(0) > 0 && x.is_floating_point() && x.scalar_type() == y.scalar_type(),
              kName, ": expected sets [n, d] and [m, d] of one floating type, got ", x.sizes(),
              " of ", x.scalar_type(), " and ", y.sizes(), " of ", y.scalar_type());
  TORCH_CHECK(options.epsilon > 0.0, kName, ": expected an epsilon above 0, got ", options.epsilon);
  return with_known_gradient(kName, Factor::any, {x, y},
                             [&](bool gradients) { return compute(x, y, options, gradients); });
}

}  // namespace nearfar
