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
  bool converged = false;      // gradient_norm <= tolerance
};

struct LogisticRegressionOptions {
  double l2 = 1e-3;
  double tolerance = 1e-5;   // on the largest absolute component of the gradient
  int64_t max_iterations = 500;
};

/// L-BFGS (memory 10, strong Wolfe line search) from `start` (zero without one). features [N, d] float32
/// or float64, label [N] int64 in [0, classes). Deterministic.
LogisticRegression fit_logistic_regression(const at::Tensor& features, const at::Tensor& label,
                                           int64_t classes, const LogisticRegressionOptions& options,
                                           const LogisticRegression* start = nullptr);

/// features [N, d] -> logits [N, C].
at::Tensor logits(const LogisticRegression& model, const at::Tensor& features);

}  // namespace nearfar
