// The bank as a block: its start, its pieces, its buffers.
#include "recipes/blocks/feature_bank.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "distributed/thread_group.h"

namespace nearfar {
namespace {

at::Tensor start_of(int64_t images, int64_t width, uint64_t seed) {
  SoloGroup group;
  return FeatureBank(images, width, {}, seed, group).rows().rows;
}

// 128000 values of one fixed stream: moments have standard errors of 0.3 %.
TEST(FeatureBank, StartsUniformAndOfLengthOneOnAverage) {
  const at::Tensor rows = start_of(1000, 128, 3);
  const double bound = std::sqrt(3.0 / 128.0);
  EXPECT_LE(rows.abs().max().item<double>(), bound);
  EXPECT_GT(rows.abs().max().item<double>(), 0.999 * bound);
  EXPECT_NEAR(rows.mean().item<double>(), 0.0, 0.01 * bound);
  EXPECT_NEAR(rows.square().sum(1).mean().item<double>(), 1.0, 0.01);
  EXPECT_NEAR(rows.abs().mean().item<double>(), bound / 2.0, 0.01 * bound);
}

TEST(FeatureBank, TheStartBelongsToSeedAndImageAlone) {
  const at::Tensor rows = start_of(20, 8, 3);
  EXPECT_TRUE(rows.equal(start_of(20, 8, 3)));
  EXPECT_TRUE(rows.narrow(0, 0, 11).equal(start_of(11, 8, 3)));
  EXPECT_FALSE(rows.equal(start_of(20, 8, 4)));
  run_ranks(3, [&](Group& group) {
    FeatureBank bank(20, 8, {.sharded = true}, 3, group);
    const Shard place = shard(20, 3, group.rank());
    EXPECT_TRUE(bank.rows().rows.equal(rows.slice(0, place.begin, place.end)));
    EXPECT_EQ(bank.rows().place, place);
    EXPECT_EQ(bank.sharded_buffers(), (std::vector<std::pair<std::string, int64_t>>{{"rows", 20}}));
  });
}

TEST(FeatureBank, RowsAreItsOnlyStateAndMayBeBFloat16) {
  SoloGroup group;
  FeatureBank bank(20, 8, {.type = "bfloat16"}, 3, group);
  ASSERT_EQ(bank.named_buffers().size(), 1u);
  EXPECT_EQ(bank.named_buffers()["rows"].nbytes(), 20u * 8u * 2u);
  EXPECT_TRUE(bank.rows().rows.is_alias_of(bank.named_buffers()["rows"]));
  EXPECT_TRUE(bank.sharded_buffers().empty());
  bank.update(group, at::ones({1, 8}), at::tensor({4}, at::kLong), {0, 1, 1});
  EXPECT_NEAR(bank.rows().rows[4].to(at::kDouble).norm().item<double>(), 1.0, 1.0 / 256.0);
  EXPECT_THROW(FeatureBank(0, 8, {}, 3, group), c10::Error);
}

}  // namespace
}  // namespace nearfar
