// Limited-memory BFGS with a strong Wolfe line search, for smooth functions of one flat vector.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace nearfar {

/// The value at x [n] float64; writes the gradient [n] float64.
using Objective = std::function<double(const at::Tensor& x, at::Tensor& gradient)>;

struct LbfgsOptions {
  double tolerance = 1e-5;  // on the largest absolute component of the gradient
  int64_t max_iterations = 500;
  int64_t memory = 10;      // pairs of steps and gradient changes that are kept
  double rounding = 1e-14;  // relative error of the objective's values
};

struct Minimum {
  at::Tensor x;
  double value = 0.0;
  double gradient_norm = 0.0;  // largest component, absolute
  int64_t iterations = 0;
  int64_t evaluations = 0;
  bool converged = false;  // gradient_norm <= tolerance
};

/// Minimises from `start` [n] float64 (Nocedal and Wright, "Numerical Optimization", 2nd edition,
/// algorithms 7.5, 3.5 and 3.6). Values that differ by less than `rounding` count as equal, so the
/// gradient alone steers the last steps. Stops unconverged when no step makes progress any more.
/// Throws c10::Error when the value at `start` is not finite.
Minimum minimize(const Objective& objective, const at::Tensor& start, const LbfgsOptions& options);

}  // namespace nearfar
