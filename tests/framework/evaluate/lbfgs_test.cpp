// L-BFGS on functions whose minimum is known.
#include "framework/evaluate/lbfgs.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

namespace nearfar {
namespace {

double rosenbrock(const at::Tensor& x, at::Tensor& gradient) {
  const double* at = x.data_ptr<double>();
  double* slope = gradient.data_ptr<double>();
  const int64_t n = x.numel();
  double value = 0.0;
  gradient.zero_();
  for (int64_t i = 0; i + 1 < n; ++i) {
    const double a = at[i + 1] - at[i] * at[i];
    const double b = 1.0 - at[i];
    value += 100.0 * a * a + b * b;
    slope[i] += -400.0 * a * at[i] - 2.0 * b;
    slope[i + 1] += 200.0 * a;
  }
  return value;
}

TEST(Lbfgs, FindsTheMinimumOfRosenbrock) {
  const at::Tensor start = at::tensor({-1.2, 1.0, -1.2, 1.0}, at::kDouble);
  const Minimum found = minimize(rosenbrock, start, {1e-10, 300, 10, 1e-14});
  EXPECT_TRUE(found.converged);
  EXPECT_LE(found.gradient_norm, 1e-10);
  // The smallest curvature at (1, ..., 1) is about 0.4: a gradient of 1e-10 is within 1e-9 of it.
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(found.x[i].item<double>(), 1.0, 1e-9);
  EXPECT_LT(found.iterations, 100);
}

TEST(Lbfgs, NeedsFewIterationsOnABadlyScaledQuadratic) {
  // 0.5 sum scale_i x_i^2 - x_i with scales 1 .. 1e4 has its minimum at 1 / scale_i. Steepest
  // descent would need about the condition number of iterations, 10,000.
  const at::Tensor scale = at::logspace(0, 4, 8, 10.0, at::kDouble);
  const auto quadratic = [&](const at::Tensor& x, at::Tensor& gradient) {
    gradient.copy_(scale * x - 1.0);
    return (0.5 * scale * x * x - x).sum().item<double>();
  };
  const Minimum found = minimize(quadratic, at::zeros({8}, at::kDouble), {1e-9, 200, 10, 1e-14});
  EXPECT_TRUE(found.converged);
  EXPECT_TRUE(at::allclose(found.x, 1.0 / scale, 0.0, 1e-9));
}

TEST(Lbfgs, StopsAtTheIterationLimit) {
  const at::Tensor start = at::tensor({-1.2, 1.0}, at::kDouble);
  const Minimum found = minimize(rosenbrock, start, {1e-10, 3, 10, 1e-14});
  EXPECT_EQ(found.iterations, 3);
  EXPECT_FALSE(found.converged);
}

TEST(Lbfgs, BacksOutOfWhereTheValueIsNotANumber) {
  // x - log(x) is defined for x > 0 alone; its minimum is at 1. The first unit step from 0.01 along
  // minus the gradient, 99, is capped at length 1, later ones may leave the domain.
  const auto barrier = [](const at::Tensor& x, at::Tensor& gradient) {
    gradient.copy_(1.0 - 1.0 / x);
    return (x - x.log()).item<double>();
  };
  for (const double start : {0.01, 5.0, 60.0}) {
    const Minimum found =
        minimize(barrier, at::full({1}, start, at::kDouble), {1e-9, 100, 10, 1e-14});
    EXPECT_TRUE(found.converged) << start;
    EXPECT_NEAR(found.x.item<double>(), 1.0, 1e-8) << start;
  }
}

TEST(Lbfgs, RefusesAStartThatIsNotFinite) {
  const auto nowhere = [](const at::Tensor&, at::Tensor&) {
    return std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_THROW(minimize(nowhere, at::zeros({1}, at::kDouble), {}), c10::Error);
}

}  // namespace
}  // namespace nearfar
