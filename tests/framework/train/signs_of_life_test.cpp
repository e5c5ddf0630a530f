// Spread and effective rank against closed forms.
#include "framework/train/signs_of_life.h"

#include <gtest/gtest.h>

namespace nearfar {
namespace {

TEST(EmbeddingStd, IsZeroWhenAllRowsPointOneWay) {
  const at::Tensor rows = at::arange(1, 9, at::kFloat).view({8, 1}) * at::ones({1, 5});
  EXPECT_NEAR(embedding_std(rows), 0.0, 1e-6);
}

TEST(EmbeddingStd, IsOneForRowsSpreadEvenly) {
  // Plus and minus each axis: the variance of every coordinate is 1 / d.
  const at::Tensor rows = at::cat({at::eye(6), -at::eye(6)});
  EXPECT_NEAR(embedding_std(rows), 1.0, 1e-6);
  EXPECT_NEAR(embedding_std(rows * 1000.0), 1.0, 1e-6);
}

TEST(EffectiveRank, CountsEvenlyUsedDirections) {
  EXPECT_NEAR(effective_rank(at::eye(7)), 7.0, 1e-4);
  EXPECT_NEAR(effective_rank(at::ones({9, 4})), 1.0, 1e-4);
  const at::Tensor two = at::cat({at::eye(2), at::zeros({2, 3})}, 1).repeat({5, 1});
  EXPECT_NEAR(effective_rank(two), 2.0, 1e-4);
}

TEST(EffectiveRank, IsTheExponentialOfTheEntropy) {
  // Rows e1 x 9 and e2 x 1: singular values 3 and 1, shares 3/4 and 1/4.
  const at::Tensor rows =
      at::cat({at::eye(2).narrow(0, 0, 1).repeat({9, 1}), at::eye(2).narrow(0, 1, 1)});
  const double entropy = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  EXPECT_NEAR(effective_rank(rows), std::exp(entropy), 1e-5);
}

}  // namespace
}  // namespace nearfar
