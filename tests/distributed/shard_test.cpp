// Shards tile the global batch, whatever its size and the number of ranks.
#include "distributed/shard.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "distributed/group.h"

namespace nearfar {
namespace {

RC_GTEST_PROP(Shard, TilesTheBatchAndDiffersByAtMostOne, ()) {
  const auto total = *rc::gen::inRange<int64_t>(0, 5000);
  const auto ranks = *rc::gen::inRange(1, 70);
  int64_t next = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const Shard piece = shard(total, ranks, rank);
    RC_ASSERT(piece.begin == next);
    RC_ASSERT(piece.size() == total / ranks + (rank < total % ranks ? 1 : 0));
    RC_ASSERT(piece.total == total);
    next = piece.end;
  }
  RC_ASSERT(next == total);
}

TEST(Shard, ByHand) {
  EXPECT_EQ(shard(10, 4, 0), (Shard{0, 3, 10}));
  EXPECT_EQ(shard(10, 4, 1), (Shard{3, 6, 10}));
  EXPECT_EQ(shard(10, 4, 2), (Shard{6, 8, 10}));
  EXPECT_EQ(shard(10, 4, 3), (Shard{8, 10, 10}));
  EXPECT_EQ(rows_by_rank(10, 4), (std::vector<int64_t>{3, 3, 2, 2}));
  EXPECT_EQ(rows_by_rank(2, 3), (std::vector<int64_t>{1, 1, 0}));
}

TEST(Shard, RefusesRanksThatAreNone) {
  EXPECT_THROW(shard(10, 0, 0), std::invalid_argument);
  EXPECT_THROW(shard(10, 4, 4), std::invalid_argument);
  EXPECT_THROW(shard(10, 4, -1), std::invalid_argument);
  EXPECT_THROW(shard(-1, 4, 0), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
