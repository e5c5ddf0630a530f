// Draws are balanced, folds a stratified partition, both pure functions of the seed.
#include "framework/evaluate/labelled_subset.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

std::vector<int64_t> count_classes(const at::Tensor& label, const at::Tensor& positions,
                                   int64_t classes) {
  std::vector<int64_t> counts(classes, 0);
  for (int64_t i = 0; i < positions.size(0); ++i) {
    ++counts[label[positions[i].item<int64_t>()].item<int64_t>()];
  }
  return counts;
}

TEST(BalancedDraw, HasEquallyManyOfEachClass) {
  const at::Tensor label = at::arange(1000, at::kLong).remainder(10);
  for (const double fraction : {0.01, 0.1, 0.25}) {
    const at::Tensor drawn = balanced_draw(label, 10, fraction, 5);
    const auto expected = static_cast<int64_t>(100 * fraction);
    for (const int64_t count : count_classes(label, drawn, 10)) EXPECT_EQ(count, expected);
    EXPECT_TRUE((drawn.slice(0, 1) > drawn.slice(0, 0, -1)).all().item<bool>());
  }
}

TEST(BalancedDraw, TakesAtLeastOneAndAtMostWhatThereIs) {
  const at::Tensor label = at::tensor({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2}, at::kLong);
  EXPECT_EQ(count_classes(label, balanced_draw(label, 3, 0.01, 1), 3),
            (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(count_classes(label, balanced_draw(label, 3, 0.75, 1), 3),
            (std::vector<int64_t>{3, 2, 1}));
  EXPECT_TRUE(at::equal(balanced_draw(label, 3, 1.0, 1), at::arange(12, at::kLong)));
  EXPECT_THROW(balanced_draw(label, 3, 0.0, 1), c10::Error);
}

TEST(BalancedDraw, FollowsTheSeedAlone) {
  const at::Tensor label = at::arange(1000, at::kLong).remainder(10);
  EXPECT_TRUE(at::equal(balanced_draw(label, 10, 0.1, 3), balanced_draw(label, 10, 0.1, 3)));
  EXPECT_FALSE(at::equal(balanced_draw(label, 10, 0.1, 3), balanced_draw(label, 10, 0.1, 4)));
}

TEST(BalancedDraw, EveryImageHasTheSameChance) {
  // 2,000 seeds draw 5 of 50 images of each class: each image 200 times with a deviation of
  // sqrt(2000 * 0.1 * 0.9) = 13.4; six deviations are left by one of the 100 in 5 million runs.
  const at::Tensor label = at::arange(100, at::kLong).remainder(2);
  at::Tensor counts = at::zeros({100}, at::kLong);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    counts.index_add_(0, balanced_draw(label, 2, 0.1, seed), at::ones({10}, at::kLong));
  }
  EXPECT_GT(counts.min().item<int64_t>(), 200 - 81);
  EXPECT_LT(counts.max().item<int64_t>(), 200 + 81);
}

RC_GTEST_PROP(StratifiedFolds, AreAStratifiedPartition, ()) {
  const int64_t size = *rc::gen::inRange<int64_t>(2, 120);
  const int64_t classes = *rc::gen::inRange<int64_t>(1, 7);
  const int64_t folds = *rc::gen::inRange<int64_t>(2, 8);
  const at::Tensor label = synthetic::labels(size, classes, *rc::gen::arbitrary<uint32_t>());
  const auto parts = stratified_folds(label, classes, folds, 9);
  RC_ASSERT(static_cast<int64_t>(parts.size()) == std::min(folds, size));
  const auto totals = count_classes(label, at::arange(size, at::kLong), classes);
  std::vector<int64_t> seen(size, 0);
  for (const HeldOut& part : parts) {
    const at::Tensor both = std::get<0>(at::cat({part.fit, part.held_out}).sort());
    RC_ASSERT(at::equal(both, at::arange(size, at::kLong)));
    RC_ASSERT(part.held_out.size(0) >= size / folds);
    RC_ASSERT(part.held_out.size(0) <= (size + folds - 1) / folds);
    const auto counts = count_classes(label, part.held_out, classes);
    for (int64_t c = 0; c < classes; ++c) {
      RC_ASSERT(counts[c] >= totals[c] / folds);
      RC_ASSERT(counts[c] <= (totals[c] + folds - 1) / folds);
    }
    for (int64_t i = 0; i < part.held_out.size(0); ++i) ++seen[part.held_out[i].item<int64_t>()];
  }
  RC_ASSERT(std::all_of(seen.begin(), seen.end(), [](int64_t times) { return times == 1; }));
}

TEST(SamplePositions, AreDistinctAndAscending) {
  const at::Tensor drawn = sample_positions(100, 30, 1);
  EXPECT_EQ(drawn.size(0), 30);
  EXPECT_TRUE((drawn.slice(0, 1) > drawn.slice(0, 0, -1)).all().item<bool>());
  EXPECT_FALSE(at::equal(drawn, sample_positions(100, 30, 2)));
  EXPECT_TRUE(at::equal(sample_positions(5, 30, 1), at::arange(5, at::kLong)));
}

}  // namespace
}  // namespace nearfar
