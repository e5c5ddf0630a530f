// The linear probe: multinomial logistic regression on frozen features, solved to its optimum.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

/// weight [C, d], bias [C] (mean 0), the minimum of (1/N) sum cross entropy + (l2/2) sum weight^2.
struct LogisticRegression {
  at::Tensor weight;
  at::Tensor bias;
  double loss = 0.0;
  double cross_entropy = 0.0;
  double gradient_norm = 0.0;  // largest component, absolute
  int64_t iterations = 0;
  bool converged = false;  // gradient_norm <= tolerance
};

struct LogisticRegressionOptions {
  double l2 = 1e-3;
  double tolerance = 1e-5;  // on the largest absolute component of the gradient
  int64_t max_iterations = 500;
};

/// Loss of the probe at `parameters` (weight [C, d] then bias [C], flat, float64), its gradient
/// written to `gradient` of the same form. Products in the features' dtype, sums over rows in
/// float64 in an order that does not depend on the number of threads.
double logistic_loss(const at::Tensor& features, const at::Tensor& label, int64_t classes,
                     double l2, const at::Tensor& parameters, at::Tensor& gradient);

/// L-BFGS (memory 10, strong Wolfe line search) from `start` (zero without one). features [N, d]
/// float32 or float64, label [N] int64 in [0, classes). Deterministic, whatever the number of
/// threads. On standardised features a tolerance of 1e-6 is reachable in float32, 1e-12 in float64;
/// an unreachable one ends with converged = false. Throws c10::Error for wrong shapes, types or
/// labels.
LogisticRegression fit_logistic_regression(const at::Tensor& features, const at::Tensor& label,
                                           int64_t classes,
                                           const LogisticRegressionOptions& options,
                                           const LogisticRegression* start = nullptr);

/// features [N, d] -> logits [N, C].
at::Tensor logits(const LogisticRegression& model, const at::Tensor& features);

}  // namespace nearfar
