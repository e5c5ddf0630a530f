// Ranks against counting, intervals against the closed form.
#include "framework/evaluate/scores.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

TEST(Judge, CountsWhatIsRight) {
  const at::Tensor scores = synthetic::normal({300, 8}, 1);
  const at::Tensor label = synthetic::labels(300, 8, 2);
  int first = 0, among_five = 0, third = 0, right_third = 0;
  for (int64_t i = 0; i < 300; ++i) {
    const int64_t own = label[i].item<int64_t>();
    int better = 0;
    for (int64_t c = 0; c < 8; ++c) {
      better += scores[i][c].item<double>() > scores[i][own].item<double>();
    }
    first += better == 0;
    among_five += better < 5;
    third += own == 3;
    right_third += own == 3 && better == 0;
  }
  const Accuracy accuracy = judge(scores, label);
  EXPECT_EQ(accuracy.count, 300);
  EXPECT_DOUBLE_EQ(accuracy.top1, first / 300.0);
  EXPECT_DOUBLE_EQ(accuracy.top5, among_five / 300.0);
  EXPECT_DOUBLE_EQ(accuracy.per_class[3], right_third / static_cast<double>(third));
}

TEST(Judge, TiesGoToTheLowerClassAndNanIsNeverRight) {
  const at::Tensor scores = at::tensor({1.0, 1.0, 1.0, 0.0, NAN, NAN}, at::kDouble).view({2, 3});
  EXPECT_TRUE(at::equal(rank_of_label(scores, at::tensor({1, 1}, at::kLong)),
                        at::tensor({1, 1}, at::kLong)));
  EXPECT_TRUE(at::equal(rank_of_label(scores, at::tensor({0, 0}, at::kLong)),
                        at::tensor({0, 0}, at::kLong)));
}

TEST(Judge, AClassWithoutImagesHasNoAccuracy) {
  const Accuracy accuracy = judge(at::eye(3, at::kDouble), at::tensor({0, 0, 2}, at::kLong));
  EXPECT_TRUE(std::isnan(accuracy.per_class[1]));
  EXPECT_DOUBLE_EQ(accuracy.per_class[0], 0.5);
  EXPECT_THROW(judge(at::empty({0, 3}, at::kDouble), at::empty({0}, at::kLong)), c10::Error);
}

// The bounds are the two proportions p that put the observed one exactly 1.96 standard errors away:
// (p - observed)^2 = z^2 p (1 - p) / n.
TEST(WilsonInterval, SolvesItsEquation) {
  const double z = 1.959963984540054;
  for (const int64_t n : {1, 10, 10000}) {
    for (const double observed : {0.0, 0.1, 0.5, 0.86, 1.0}) {
      const auto [low, high] = wilson_interval(observed, n);
      for (const double p : {low, high}) {
        EXPECT_NEAR((p - observed) * (p - observed), z * z * p * (1.0 - p) / n, 1e-14);
      }
      // At 0 and 1 one bound is the proportion itself, up to rounding.
      EXPECT_LE(low, observed + 1e-15);
      EXPECT_GE(high, observed - 1e-15);
      EXPECT_LT(low, high);
    }
  }
  // Agresti and Coull 1998 and every statistics package: 0 of 10 gives 0 to 0.2775.
  EXPECT_NEAR(wilson_interval(0.0, 10).second, 0.2775, 5e-5);
}

TEST(MeanAndSpread, UsesNMinusOne) {
  const MeanAndSpread both = mean_and_spread({1.0, 2.0, 6.0});
  EXPECT_DOUBLE_EQ(both.mean, 3.0);
  EXPECT_DOUBLE_EQ(both.spread, std::sqrt(7.0));
  EXPECT_EQ(mean_and_spread({4.0}).spread, 0.0);
}

TEST(MeanAndSpread, OfAConstantIsTheConstant) {
  for (size_t n = 1; n <= 1000; ++n) {
    const MeanAndSpread both = mean_and_spread(std::vector<double>(n, 1.0));
    ASSERT_EQ(both.mean, 1.0) << n;
    ASSERT_EQ(both.spread, 0.0) << n;
  }
}

}  // namespace
}  // namespace nearfar
