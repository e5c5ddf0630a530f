// The order and the length of an epoch.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "framework/data/loader.h"
#include "tests/framework/data/folder_tests.h"

namespace nearfar {
namespace {

TEST(Epoch, OrderIsAPermutationOfSeedAndEpoch) {
  std::vector<int64_t> order = epoch_order(1, 2, 1000);
  EXPECT_EQ(order, epoch_order(1, 2, 1000));
  EXPECT_NE(order, epoch_order(1, 3, 1000));
  EXPECT_NE(order, epoch_order(2, 2, 1000));
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(order[i], i);
}

TEST(Epoch, AllOrdersAreEquallyLikely) {
  // 24 orders of 4, 24,000 epochs: chi-square with 23 degrees of freedom exceeds 68 in 3 of a
  // million choices of the seed.
  std::map<std::vector<int64_t>, int> counts;
  for (int64_t epoch = 0; epoch < 24000; ++epoch) ++counts[epoch_order(9, epoch, 4)];
  EXPECT_EQ(counts.size(), 24u);
  double chi_square = 0.0;
  for (const auto& [order, count] : counts)
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 68.0);
}

TEST(Epoch, Steps) {
  EXPECT_EQ(steps_per_epoch(100, 30, true), 3);
  EXPECT_EQ(steps_per_epoch(100, 30, false), 4);
  EXPECT_EQ(steps_per_epoch(90, 30, false), 3);
  EXPECT_EQ(steps_per_epoch(10, 30, false), 1);
  EXPECT_EQ(
      message_of<DataError>([] { steps_per_epoch(10, 30, true); }),
      "the data set has 10 images, fewer than one batch of 30: an epoch has no batch; choose a "
      "smaller train.batch or data.drop_last=false");
}

}  // namespace
}  // namespace nearfar
