// The curve against pairs counted one by one, closed forms of normal scores, ties, and the ends.
#include "framework/evaluate/roc.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "augment/random.h"

namespace nearfar {
namespace {

std::vector<double> normal(int64_t count, double mean, uint64_t seed) {
  Random random(seed, 0, 0, Purpose::recipe);
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(mean + random.normal());
  return values;
}

/// Rounded to tenths: many equal scores.
std::vector<double> tied(std::vector<double> values) {
  for (double& value : values) value = std::round(10.0 * value) / 10.0;
  return values;
}

double share_at_least(const std::vector<double>& values, double threshold) {
  const auto count =
      std::count_if(values.begin(), values.end(), [&](double value) { return value >= threshold; });
  return static_cast<double>(count) / static_cast<double>(values.size());
}

TEST(Roc, AreaIsTheShareOfPairsInOrder) {
  const auto positives = tied(normal(300, 0.7, 1));
  const auto negatives = tied(normal(200, 0.0, 2));
  double right = 0.0;
  for (const double p : positives) {
    for (const double n : negatives) right += p > n ? 1.0 : p == n ? 0.5 : 0.0;
  }
  // Halves of whole numbers, one division: the same double up to its rounding.
  EXPECT_DOUBLE_EQ(auc(roc_curve(positives, negatives)), right / 60000.0);
}

TEST(Roc, CurveCountsWhatIsAccepted) {
  const auto positives = tied(normal(50, 0.5, 3));
  const auto negatives = tied(normal(70, 0.0, 4));
  const RocCurve curve = roc_curve(positives, negatives);
  EXPECT_EQ(curve.points.front().accepted_positives, 0);
  EXPECT_EQ(curve.points.back().accepted_negatives, 70);
  for (size_t i = 1; i < curve.points.size(); ++i) {
    const OperatingPoint& point = curve.points[i];
    EXPECT_LT(point.threshold, curve.points[i - 1].threshold);
    EXPECT_DOUBLE_EQ(curve.tar(point), share_at_least(positives, point.threshold));
    EXPECT_DOUBLE_EQ(curve.far(point), share_at_least(negatives, point.threshold));
  }
}

// Positives N(d, 1), negatives N(0, 1): area Phi(d / sqrt 2), equal error Phi(-d / 2), and TAR at
// FAR f is Phi(d + z_f). 100,000 scores of each kind: the area's standard error is below 0.001.
TEST(Roc, EqualsClosedFormsOfNormalScores) {
  const auto phi = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  const double d = 1.5;
  const RocCurve curve = roc_curve(normal(100000, d, 5), normal(100000, 0.0, 6));
  EXPECT_NEAR(auc(curve), phi(d / std::sqrt(2.0)), 0.004);
  EXPECT_NEAR(equal_error_rate(curve), phi(-d / 2.0), 0.006);
  EXPECT_NEAR(curve.tar(*point_at_far(curve, 0.1)), phi(d - 1.2815515655446004), 0.012);
  EXPECT_NEAR(curve.tar(*point_at_far(curve, 0.01)), phi(d - 2.3263478740408408), 0.02);
}

TEST(Roc, HasItsEndsForPerfectReversedAndEqualScores) {
  const RocCurve perfect = roc_curve({3.0, 4.0}, {1.0, 2.0});
  EXPECT_EQ(auc(perfect), 1.0);
  EXPECT_EQ(equal_error_rate(perfect), 0.0);
  EXPECT_EQ(perfect.tar(*point_at_far(perfect, 0.5)), 1.0);
  const RocCurve reversed = roc_curve({1.0, 2.0}, {3.0, 4.0});
  EXPECT_EQ(auc(reversed), 0.0);
  EXPECT_EQ(equal_error_rate(reversed), 1.0);
  const RocCurve equal = roc_curve({1.0, 1.0, 1.0}, {1.0});
  EXPECT_EQ(auc(equal), 0.5);
  EXPECT_EQ(equal_error_rate(equal), 0.5);
}

TEST(Roc, MovesWithNoMonotoneMapAndMirrorsWhenTheKindsChangePlaces) {
  auto positives = normal(200, 1.0, 7);
  auto negatives = normal(300, 0.0, 8);
  const RocCurve curve = roc_curve(positives, negatives);
  EXPECT_NEAR(auc(roc_curve(negatives, positives)), 1.0 - auc(curve), 1e-15);
  for (auto* list : {&positives, &negatives}) {
    for (double& value : *list) value = std::exp(value);
    std::reverse(list->begin(), list->end());
  }
  const RocCurve mapped = roc_curve(positives, negatives);
  EXPECT_EQ(auc(mapped), auc(curve));
  EXPECT_EQ(equal_error_rate(mapped), equal_error_rate(curve));
}

TEST(Roc, InterpolatesTheEqualErrorRate) {
  // Points (0, 1/2), (1/2, 1/2), (1/2, 1), (1, 1): error rates meet at the second.
  EXPECT_DOUBLE_EQ(equal_error_rate(roc_curve({4.0, 2.0}, {3.0, 1.0})), 0.5);
  // From (0, 2/3) to (1, 2/3) in one tie of a single negative: FAR = 1/3 on the way.
  EXPECT_DOUBLE_EQ(equal_error_rate(roc_curve({4.0, 3.0, 1.0}, {2.0})), 1.0 / 3.0);
}

TEST(PointAtFar, IsTheLastThatKeepsTheRateAndNothingWhereItCannotBeMeasured) {
  std::vector<double> negatives;
  for (int i = 0; i < 1000; ++i) negatives.push_back(i);
  const RocCurve curve = roc_curve({998.5, 989.5, 500.5, 0.5}, negatives);
  EXPECT_EQ(point_at_far(curve, 0.001)->accepted_negatives, 1);
  EXPECT_EQ(point_at_far(curve, 0.001)->accepted_positives, 1);
  EXPECT_EQ(point_at_far(curve, 0.01)->accepted_negatives, 10);
  EXPECT_EQ(point_at_far(curve, 0.01)->accepted_positives, 2);
  EXPECT_FALSE(point_at_far(curve, 0.0009).has_value());
  // Ties that would exceed the rate stay out whole.
  const RocCurve tie = roc_curve({2.0, 1.0}, {1.0, 1.0, 1.0, 0.0});
  EXPECT_EQ(point_at_far(tie, 0.5)->accepted_negatives, 0);
  EXPECT_EQ(point_at_far(tie, 0.5)->accepted_positives, 1);
}

TEST(Outline, RisesFromNoFalseAcceptToTheCorner) {
  const RocCurve curve = roc_curve(normal(5000, 1.0, 9), normal(5000, 0.0, 10));
  const auto points = outline(curve, 40);
  EXPECT_LE(points.size(), 41u);
  EXPECT_EQ(points.front().first, 0.0);
  EXPECT_EQ(points.back(), (std::pair<double, double>{1.0, 1.0}));
  for (size_t i = 1; i < points.size(); ++i) {
    EXPECT_GT(points[i].first, points[i - 1].first);
    EXPECT_GE(points[i].second, points[i - 1].second);
  }
}

TEST(Roc, NeedsScoresOfBothKinds) {
  EXPECT_THROW(roc_curve({}, {1.0}), std::invalid_argument);
  EXPECT_THROW(roc_curve({1.0}, {}), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
