// Sums over tiles against the whole matrix, by both kinds of tile mathematics, for any number of
// threads.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <limits>
#include <set>

#include "framework/losses/pair_tiles.h"
#include "framework/losses/row_tiles.h"
#include "framework/losses/tile_schedule.h"
#include "tests/framework/losses/over_ranks.h"

namespace nearfar {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kScale = 8.0;

at::Tensor unit_rows(int64_t rows, double phase) {
  const at::Tensor x = rows_for_test(rows, 12, phase);
  return x / x.norm(2, 1, true);
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

/// weight_i exp(s_ik - log_sum_i) along both sides.
at::Tensor weights_of(const at::Tensor& similarities, const ExpWeight& rows,
                      const ExpWeight& columns) {
  at::Tensor sum = at::zeros_like(similarities);
  if (rows.defined()) {
    sum += (similarities - rows.log_sum.unsqueeze(1)).exp() * rows.weight.unsqueeze(1);
  }
  if (columns.defined()) sum += (similarities - columns.log_sum).exp() * columns.weight;
  return sum;
}

ExpWeight side(int64_t rows, double phase) {
  return {rows_for_test(rows, 1, phase).view({-1}) + 9.0, rows_for_test(rows, 1, phase).view({-1})};
}

TEST(TileSchedule, EveryPairOfBlocksMeetsOnceAndNobodyTwiceInARound) {
  for (int64_t blocks = 0; blocks <= 9; ++blocks) {
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const TileRound& round : pairs_of_blocks(blocks)) {
      std::multiset<int64_t> busy;
      for (const TilePlace& tile : round) {
        EXPECT_LE(tile.row, tile.column);
        EXPECT_TRUE(seen.insert({tile.row, tile.column}).second);
        busy.insert(tile.row);
        if (tile.row != tile.column) busy.insert(tile.column);
      }
      EXPECT_EQ(busy.size(), std::set<int64_t>(busy.begin(), busy.end()).size());
    }
    EXPECT_EQ(seen.size(), static_cast<size_t>(blocks * (blocks + 1) / 2));
  }
}

TEST(TileSchedule, EveryTileOnceAndNoRowOrColumnTwiceInARound) {
  std::set<std::pair<int64_t, int64_t>> seen;
  for (const TileRound& round : all_tiles(5)) {
    std::set<int64_t> rows, columns;
    for (const TilePlace& tile : round) {
      EXPECT_TRUE(seen.insert({tile.row, tile.column}).second);
      EXPECT_TRUE(rows.insert(tile.row).second && columns.insert(tile.column).second);
    }
  }
  EXPECT_EQ(seen.size(), 25u);
}

// 600 rows are several blocks, the last one smaller.
TEST(PairTiles, EqualTheWholeMatrix) {
  for (const int64_t rows : {1, 2, 130, 600}) {
    for (const bool symmetric : {true, false}) {
      const at::Tensor x = unit_rows(rows, 0.0), y = symmetric ? x : unit_rows(rows, 0.3);
      const int64_t aside = symmetric && rows > 1 ? 2 : 1;
      const at::Tensor number = at::arange(rows).floor_divide(aside);
      const at::Tensor s =
          (x.matmul(y.t()) * kScale).masked_fill(number.unsqueeze(1) == number, -kInfinity);
      const ExpWeight a = side(rows, 0.0), b = symmetric ? a : side(rows, 0.5);
      const at::Tensor h = weights_of(s, a, b);
      for (const TileMath* math : {&kTileLoops, &kTileOperations}) {
        for (const int threads : {1, 3}) {
          const ThreadCount set(threads);
          const PairMatrix matrix{x, y, kScale, aside, math};
          const auto [by_row, by_column] = sum_exponentials(matrix);
          if (rows > 2) {
            EXPECT_LT(largest(by_row.log() - s.logsumexp(1)), 1e-12);
            EXPECT_LT(largest(by_column.log() - s.logsumexp(0)), 1e-12);
          } else {
            EXPECT_TRUE(by_row.log().equal(s.logsumexp(1)));  // -infinity: nothing is left
          }
          const auto [sum_x, sum_y] = weighted_sums(matrix, a, b);
          EXPECT_LT(largest(sum_x - h.matmul(y)), 1e-11) << rows << " " << threads;
          EXPECT_EQ(sum_y.defined(), !symmetric);
          if (sum_y.defined()) {
            EXPECT_LT(largest(sum_y - h.t().matmul(x)), 1e-11);
          }
        }
      }
    }
  }
}

TEST(RowTiles, EqualTheWholeMatrix) {
  for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 1300}, {300, 40}, {1100, 700}}) {
    const at::Tensor x = unit_rows(rows, 0.0), y = unit_rows(columns, 0.3);
    const at::Tensor s = x.matmul(y.t()) * kScale;
    const ExpWeight a = side(rows, 0.0), b = side(columns, 0.5);
    for (const TileMath* math : {&kTileLoops, &kTileOperations}) {
      for (const int threads : {1, 2, 6}) {
        const ThreadCount set(threads);
        const RowMatrix matrix{x, y, kScale, {}, {}, math};
        EXPECT_LT(largest(sum_exponentials(matrix).log() - s.logsumexp(1)), 1e-12);
        const Attention attention = attend(matrix);
        EXPECT_LT(largest(attention.log_sum - s.logsumexp(1)), 1e-12);
        EXPECT_LT(largest(attention.mean - s.softmax(1).matmul(y)), 1e-12);
        for (const auto& [by_row, by_column] :
             {std::pair{a, b}, {a, ExpWeight{}}, {ExpWeight{}, b}}) {
          const at::Tensor total = x.clone();
          add_weighted_sums(matrix, by_row, by_column, total);
          EXPECT_LT(largest(total - x - weights_of(s, by_row, by_column).matmul(y)), 1e-11);
        }
      }
    }
  }
}

TEST(RowTiles, RowsAndColumnsOfOneImageAreNotCompared) {
  const at::Tensor x = unit_rows(40, 0.0), y = unit_rows(1200, 0.3);
  at::Tensor row_id = at::arange(40), column_id = at::arange(1200).remainder(50);
  row_id[5] = row_id[6] = 7;  // an image that is there twice
  row_id[8] = -1;             // unknown, and so are these: not the same
  column_id.slice(0, 0, 5).fill_(-1);
  const at::Tensor same = row_id.unsqueeze(1).eq(column_id).logical_and(row_id.unsqueeze(1) >= 0);
  EXPECT_GT(same.sum().item<int64_t>(), 800);
  const at::Tensor s = (x.matmul(y.t()) * kScale).masked_fill(same, -kInfinity);
  for (const TileMath* math : {&kTileLoops, &kTileOperations}) {
    const Attention attention = attend({x, y, kScale, row_id, column_id, math});
    EXPECT_LT(largest(attention.log_sum - s.logsumexp(1)), 1e-12);
    EXPECT_LT(largest(attention.mean - s.softmax(1).matmul(y)), 1e-12);
  }
}

TEST(RowTiles, NothingToLookAt) {
  const at::Tensor x = unit_rows(3, 0.0), y = unit_rows(4, 0.3);
  const at::Tensor same = at::zeros({3}, at::kLong), all_same = at::zeros({4}, at::kLong);
  for (const RowMatrix& matrix :
       {RowMatrix{x, y.narrow(0, 0, 0), kScale}, RowMatrix{x, y, kScale, same, all_same}}) {
    const Attention attention = attend(matrix);
    EXPECT_TRUE(attention.log_sum.isneginf().all().item<bool>());
    EXPECT_EQ(largest(attention.mean), 0.0);
  }
  EXPECT_EQ(attend({x.narrow(0, 0, 0), y, kScale}).mean.size(0), 0);
}

TEST(RowTiles, ColumnsOfAnotherTypeAreWidenedTileByTile) {
  const at::Tensor x = unit_rows(9, 0.0).to(at::kFloat);
  const at::Tensor y = unit_rows(1300, 0.3).to(at::kBFloat16);
  const Attention narrow = attend({x, y, kScale}), wide = attend({x, y.to(at::kFloat), kScale});
  EXPECT_TRUE(narrow.log_sum.equal(wide.log_sum));
  EXPECT_TRUE(narrow.mean.equal(wide.mean));
}

}  // namespace
}  // namespace nearfar
