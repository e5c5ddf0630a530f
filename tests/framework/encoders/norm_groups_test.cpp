// Groups of rows: a partition of every piece, on which ranks agree.
#include "framework/encoders/norm_groups.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace nearfar {
namespace {

TEST(NormGroups, ByHand) {
  EXPECT_EQ(norm_group_rows(0, 10), 10);
  EXPECT_EQ(norm_group_rows(4, 10), 4);
  EXPECT_EQ(norm_group_rows(40, 10), 10);
  EXPECT_EQ(smallest_norm_group(4, 10), 2);
  EXPECT_EQ(smallest_norm_group(5, 10), 5);
  EXPECT_EQ(groups_of_piece(4, {3, 10, 10}),
            (std::vector<NormGroup>{{0, 0, 1}, {1, 1, 4}, {2, 5, 2}}));
  EXPECT_TRUE(holds_whole_groups(4, {4, 10, 10}));
  EXPECT_FALSE(holds_whole_groups(4, {4, 9, 10}));
  EXPECT_FALSE(holds_whole_groups(4, {3, 8, 10}));
  EXPECT_TRUE(groups_stay_on_ranks(4, 16, 2));
  EXPECT_FALSE(groups_stay_on_ranks(4, 12, 2));
  EXPECT_TRUE(groups_stay_on_ranks(0, 12, 1));
  EXPECT_FALSE(groups_stay_on_ranks(0, 12, 2));
}

RC_GTEST_PROP(NormGroups, EveryRowIsInTheGroupOfItsNumber, ()) {
  const int64_t total = *rc::gen::inRange<int64_t>(1, 60);
  const int64_t norm_batch = *rc::gen::inRange<int64_t>(0, 70);
  const int64_t begin = *rc::gen::inRange<int64_t>(0, total);
  const int64_t end = *rc::gen::inRange<int64_t>(begin, total + 1);
  const int64_t rows = norm_batch == 0 ? total : norm_batch;
  std::vector<int64_t> index_of_row;
  for (const NormGroup& group : groups_of_piece(norm_batch, {begin, end, total})) {
    RC_ASSERT(group.rows > 0);
    RC_ASSERT(group.begin == static_cast<int64_t>(index_of_row.size()));
    index_of_row.insert(index_of_row.end(), group.rows, group.index);
  }
  RC_ASSERT(static_cast<int64_t>(index_of_row.size()) == end - begin);
  for (int64_t row = begin; row < end; ++row) RC_ASSERT(index_of_row[row - begin] == row / rows);
}

RC_GTEST_PROP(NormGroups, StayOnRanksWhereNoNeighboursShareAGroupAcrossABorder, ()) {
  const int64_t total = *rc::gen::inRange<int64_t>(1, 60);
  const int64_t norm_batch = *rc::gen::inRange<int64_t>(1, 70);
  const int ranks = *rc::gen::inRange(1, 7);
  bool stay = true;
  for (int rank = 0; rank + 1 < ranks; ++rank) {
    const int64_t border = shard(total, ranks, rank).end;
    if (border == 0 || border == total) continue;
    stay = stay && (border - 1) / norm_batch != border / norm_batch;
  }
  RC_ASSERT(groups_stay_on_ranks(norm_batch, total, ranks) == stay);
}

}  // namespace
}  // namespace nearfar
