// Principal components against LibTorch's singular value decomposition in float64.
#include "framework/evaluate/principal_components.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <tuple>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Tall rows take the covariance, wide ones the Gram matrix. The columns' scales keep the singular
// values apart; squaring them costs half of the digits: 1e-9 of numbers near 1 to 100.
TEST(PrincipalComponents, AreThoseOfTheSingularValues) {
  for (const auto& [count, width] : {std::pair{300, 12}, std::pair{40, 90}}) {
    const at::Tensor scale = at::arange(width, 0, -1, at::kDouble);
    const at::Tensor rows = synthetic::normal({count, width}, 5) * scale + 7.0;
    const auto [left, singular, right] = at::linalg_svd(rows - rows.mean(0, true), false);
    const PrincipalComponents found = principal_components(rows, 4);
    const at::Tensor sign = (found.directions * right.narrow(0, 0, 4)).sum(1).sign();
    EXPECT_LT(largest_difference(found.directions, right.narrow(0, 0, 4) * sign.unsqueeze(1)),
              1e-9);
    EXPECT_LT(largest_difference(found.coordinates, (left * singular).narrow(1, 0, 4) * sign),
              1e-8);
    const at::Tensor share = singular.square() / singular.square().sum();
    EXPECT_LT(largest_difference(found.explained, share.narrow(0, 0, 4)), 1e-12);
  }
}

TEST(PrincipalComponents, HaveTheSignThatTheLargestEntryDecides) {
  const at::Tensor rows = synthetic::normal({50, 6}, 6);
  const PrincipalComponents found = principal_components(rows, 6);
  for (int64_t i = 0; i < 6; ++i) {
    const at::Tensor direction = found.directions[i];
    EXPECT_EQ(direction.max().item<double>(), direction.abs().max().item<double>());
    EXPECT_NEAR(direction.norm().item<double>(), 1.0, 1e-12);
  }
  EXPECT_LT(largest_difference(principal_components(-rows, 6).coordinates, -found.coordinates),
            1e-12);
}

TEST(PrincipalComponents, OfEqualRowsAreZeros) {
  const PrincipalComponents same = principal_components(at::ones({5, 3}, at::kFloat), 2);
  EXPECT_EQ(same.coordinates.abs().max().item<double>(), 0.0);
  EXPECT_EQ(same.explained.sum().item<double>(), 0.0);
  EXPECT_EQ(principal_components(at::ones({1, 3}), 2).coordinates.sizes(),
            (std::vector<int64_t>{1, 1}));
  EXPECT_THROW(principal_components(at::ones({3}), 1), c10::Error);
  EXPECT_THROW(principal_components(at::ones({0, 3}), 1), c10::Error);
}

}  // namespace
}  // namespace nearfar
