// Pairs against all pairs; thresholds on folds and the interval against naive code and chance.
#include "framework/evaluate/verification.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "framework/evaluate/roc.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

std::set<std::pair<int64_t, int64_t>> unordered(const std::vector<Pair>& pairs) {
  std::set<std::pair<int64_t, int64_t>> result;
  for (const Pair& pair : pairs) {
    result.insert({std::min(pair.first, pair.second), std::max(pair.first, pair.second)});
  }
  return result;
}

TEST(SamplePairs, AreAllPairsWhereTheLimitAllows) {
  const at::Tensor label = synthetic::labels(40, 5, 1);
  std::set<std::pair<int64_t, int64_t>> same, different;
  for (int64_t i = 0; i < 40; ++i) {
    for (int64_t j = i + 1; j < 40; ++j) {
      (label[i].item<int64_t>() == label[j].item<int64_t>() ? same : different).insert({i, j});
    }
  }
  const PairSample all = sample_pairs(label, 1000000, 1);
  EXPECT_EQ(unordered(all.positives), same);
  EXPECT_EQ(unordered(all.negatives), different);
  EXPECT_EQ(all.all_positives, static_cast<int64_t>(same.size()));
  EXPECT_EQ(all.all_negatives, static_cast<int64_t>(different.size()));
  EXPECT_EQ(all.positives.size(), same.size());
  EXPECT_EQ(all.negatives.size(), different.size());
}

TEST(SamplePairs, DrawDistinctPairsOfTheRightKind) {
  const at::Tensor label = synthetic::labels(300, 4, 2);
  const PairSample sample = sample_pairs(label, 500, 7);
  EXPECT_EQ(unordered(sample.positives).size(), 500u);
  EXPECT_EQ(unordered(sample.negatives).size(), 500u);
  for (const Pair& pair : sample.positives) {
    EXPECT_TRUE(label[pair.first].equal(label[pair.second]));
  }
  for (const Pair& pair : sample.negatives) {
    EXPECT_FALSE(label[pair.first].equal(label[pair.second]));
  }
  EXPECT_EQ(sample_pairs(label, 500, 7).negatives, sample.negatives);
  EXPECT_NE(sample_pairs(label, 500, 8).negatives, sample.negatives);
}

// 6 positives and 9 negatives, of which 3 are drawn: each should come a third or half of the time.
TEST(SamplePairs, DrawEachPairAlikeOften) {
  const at::Tensor label = at::tensor({0, 0, 0, 1, 1, 1}, at::kLong);
  int64_t seen[6][6] = {};
  const int64_t trials = 3000;
  for (int64_t seed = 0; seed < trials; ++seed) {
    const PairSample sample = sample_pairs(label, 3, static_cast<uint64_t>(seed));
    for (const Pair& pair : sample.positives) ++seen[pair.first][pair.second];
    for (const Pair& pair : sample.negatives) ++seen[pair.first][pair.second];
  }
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t j = i + 1; j < 6; ++j) {
      const double chance = i / 3 == j / 3 ? 3.0 / 6.0 : 3.0 / 9.0;
      const auto n = static_cast<double>(trials);
      // Five standard deviations: a right sampler fails once in a hundred thousand runs.
      EXPECT_NEAR(seen[i][j], n * chance, 5.0 * std::sqrt(n * chance * (1.0 - chance)));
    }
  }
}

TEST(SamplePairs, OfASingleClassOrOfLonersHaveOneKindOnly) {
  const PairSample single = sample_pairs(at::zeros({4}, at::kLong), 100, 0);
  EXPECT_EQ(single.all_positives, 6);
  EXPECT_TRUE(single.negatives.empty());
  const PairSample loners = sample_pairs(at::arange(4, at::kLong), 100, 0);
  EXPECT_TRUE(loners.positives.empty());
  EXPECT_EQ(loners.all_negatives, 6);
  EXPECT_TRUE(sample_pairs(at::empty({0}, at::kLong), 100, 0).positives.empty());
}

/// All pairs of the labels, scored by closeness of one-dimensional positions.
ScoredPairs score(const at::Tensor& label, const at::Tensor& position) {
  ScoredPairs scored;
  scored.pairs = sample_pairs(label, 1000000, 0);
  const auto closeness = [&](const Pair& pair) {
    return -std::abs(position[pair.first].item<double>() - position[pair.second].item<double>());
  };
  for (const Pair& pair : scored.pairs.positives) scored.positive_scores.push_back(closeness(pair));
  for (const Pair& pair : scored.pairs.negatives) scored.negative_scores.push_back(closeness(pair));
  return scored;
}

ScoredPairs clouds(double distance, uint64_t seed) {
  const at::Tensor label = synthetic::labels(60, 4, seed);
  return score(label, label.to(at::kDouble) * distance + synthetic::normal({60}, seed));
}

TEST(AccuracyOnFolds, IsOneForSeparatedPairsAndHalfForEqualScores) {
  EXPECT_DOUBLE_EQ(accuracy_on_folds(clouds(100.0, 1), 10, 0).mean, 1.0);
  ScoredPairs equal = clouds(1.0, 1);
  std::fill(equal.positive_scores.begin(), equal.positive_scores.end(), 0.25);
  std::fill(equal.negative_scores.begin(), equal.negative_scores.end(), 0.25);
  EXPECT_DOUBLE_EQ(accuracy_on_folds(equal, 10, 0).mean, 0.5);
}

// The best threshold on the pairs themselves cannot be worse than one chosen without them.
TEST(AccuracyOnFolds, LiesJustBelowTheBestOnThePairsThemselves) {
  for (const uint64_t seed : {1, 2, 3}) {
    const ScoredPairs scored = clouds(1.5, seed);
    const RocCurve curve = roc_curve(scored.positive_scores, scored.negative_scores);
    double best = 0.0;
    for (const OperatingPoint& point : curve.points) {
      best = std::max(best, 0.5 * (curve.tar(point) + 1.0 - curve.far(point)));
    }
    const double accuracy = accuracy_on_folds(scored, 10, 0).mean;
    EXPECT_LE(accuracy, best);
    EXPECT_GT(accuracy, best - 0.03);
  }
}

// Scores that tell nothing: the best threshold on them does better than chance, one chosen on
// other pairs must not. Mean over 200 trials of 40 pairs; standard error below 0.007.
TEST(AccuracyOnFolds, ChoosesNoThresholdOnThePairsItJudges) {
  double on_folds = 0.0;
  double peeking = 0.0;
  for (uint64_t trial = 0; trial < 200; ++trial) {
    ScoredPairs scored;
    const at::Tensor noise = synthetic::normal({40}, 1000 + trial);
    for (int64_t i = 0; i < 20; ++i) {
      scored.pairs.positives.push_back({i, i + 40});
      scored.pairs.negatives.push_back({i + 20, i + 60});
      scored.positive_scores.push_back(noise[i].item<double>());
      scored.negative_scores.push_back(noise[i + 20].item<double>());
    }
    on_folds += accuracy_on_folds(scored, 5, trial).mean / 200.0;
    const RocCurve curve = roc_curve(scored.positive_scores, scored.negative_scores);
    double best = 0.0;
    for (const OperatingPoint& point : curve.points) {
      best = std::max(best, 0.5 * (curve.tar(point) + 1.0 - curve.far(point)));
    }
    peeking += best / 200.0;
  }
  EXPECT_GT(peeking, 0.58);
  EXPECT_LT(on_folds, 0.53);
}

TEST(AccuracyOnFolds, NeedsPairsOfBothKindsInsideAndOutside) {
  ScoredPairs one;
  one.pairs.positives = {{0, 1}};
  one.pairs.negatives = {{0, 2}};
  one.positive_scores = {1.0};
  one.negative_scores = {0.0};
  EXPECT_THROW(accuracy_on_folds(one, 10, 0), c10::Error);
  EXPECT_THROW(accuracy_on_folds(clouds(1.0, 1), 1, 0), c10::Error);
}

// The truth is the mean area of 40 samples of 150 images, each from the same population.
TEST(AucInterval, HoldsTheAreaOfThePopulation) {
  const auto area = [](const ScoredPairs& scored) {
    return auc(roc_curve(scored.positive_scores, scored.negative_scores));
  };
  const auto population = [&](int64_t count, uint64_t seed) {
    const at::Tensor label = synthetic::labels(count, 4, seed);
    return score(label, label.to(at::kDouble) * 1.5 + synthetic::normal({count}, seed));
  };
  double truth = 0.0;
  for (uint64_t seed = 0; seed < 40; ++seed) truth += area(population(150, 9000 + seed)) / 40.0;
  int64_t held = 0;
  double width = 0.0;
  for (uint64_t trial = 0; trial < 60; ++trial) {
    const ScoredPairs scored = population(50, trial);
    const auto [low, high] = auc_interval(scored, 50, 100, trial);
    EXPECT_LT(low, area(scored));
    EXPECT_GT(high, area(scored));
    held += low <= truth && truth <= high;
    width += (high - low) / 60.0;
  }
  // 60 trials at 95 %: fewer than 50 come once in ten thousand.
  EXPECT_GE(held, 50);
  EXPECT_LT(width, 0.25);
}

TEST(AucInterval, IsTheSameForTheSameSeed) {
  const ScoredPairs scored = clouds(1.0, 4);
  EXPECT_EQ(auc_interval(scored, 60, 50, 3), auc_interval(scored, 60, 50, 3));
  EXPECT_NE(auc_interval(scored, 60, 50, 3), auc_interval(scored, 60, 50, 4));
}

}  // namespace
}  // namespace nearfar
