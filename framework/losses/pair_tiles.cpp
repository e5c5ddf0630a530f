// Visits the tiles of a square matrix in rounds, over the threads of LibTorch.
#include "framework/losses/pair_tiles.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "framework/losses/tile_schedule.h"

namespace nearfar {
namespace {

constexpr int64_t kSmallestBlock = 64;
constexpr int64_t kLargestBlock = 256;  // a float tile of 256 KiB stays in a core's second cache
constexpr int64_t kDeviceBlock = 2048;

/// Rows of a block: as large as fits the cache, smaller where threads would go without.
int64_t block_of(const PairMatrix& matrix) {
  if (!matrix.rows.is_cpu()) return kDeviceBlock;
  const int64_t share = matrix.rows.size(0) / (2 * at::get_num_threads());
  return std::clamp(share / kSmallestBlock * kSmallestBlock, kSmallestBlock, kLargestBlock);
}

bool symmetric(const PairMatrix& matrix) { return matrix.rows.is_same(matrix.columns); }

/// Rows [begin, begin + count) of a matrix.
struct Block {
  int64_t begin, count;
  at::Tensor of(const at::Tensor& matrix) const { return matrix.narrow(0, begin, count); }
  RunningSums of(const RunningSums& sums) const { return sums.narrow(begin, count); }
  ExpWeight of(const ExpWeight& side) const { return side.narrow(begin, count); }
};

/// Calls visit(tile of products, its rows, its columns) for every tile; calls at the same time have
/// no rows and no columns in common.
template <typename Visit>
void over_tiles(const PairMatrix& matrix, const Visit& visit) {
  const int64_t size = matrix.rows.size(0), block = block_of(matrix);
  const int64_t blocks = (size + block - 1) / block;
  const bool on_cpu = matrix.rows.is_cpu();
  const at::Tensor scratch = at::empty(
      {on_cpu ? at::get_num_threads() : 1, std::min(size, block), block}, matrix.rows.options());
  const auto at_place = [&](const TilePlace& place, int64_t thread) {
    const Block rows{place.row * block, std::min(block, size - place.row * block)};
    const Block columns{place.column * block, std::min(block, size - place.column * block)};
    at::Tensor tile = scratch[thread].narrow(0, 0, rows.count).narrow(1, 0, columns.count);
    at::mm_out(tile, rows.of(matrix.rows), columns.of(matrix.columns).t());
    if (place.row == place.column) {
      const at::Tensor number =
          at::arange(rows.count, tile.options().dtype(at::kLong)).floor_divide_(matrix.aside);
      tile.masked_fill_(number.unsqueeze(1) == number, -std::numeric_limits<double>::infinity());
    }
    visit(tile, rows, columns);
  };
  for (const TileRound& round : symmetric(matrix) ? pairs_of_blocks(blocks) : all_tiles(blocks)) {
    const auto visit_some = [&](int64_t begin, int64_t end) {
      const at::NoGradGuard no_grad;
      for (int64_t i = begin; i < end; ++i) at_place(round[i], on_cpu ? at::get_thread_num() : 0);
    };
    const auto count = static_cast<int64_t>(round.size());
    on_cpu ? at::parallel_for(0, count, 1, visit_some) : visit_some(0, count);
  }
}

const TileMath& math_of(const PairMatrix& matrix) {
  return matrix.math != nullptr ? *matrix.math : tile_math_for(matrix.rows.device());
}

}  // namespace

std::pair<RunningSums, RunningSums> sum_exponentials(const PairMatrix& matrix) {
  const at::TensorOptions options = matrix.rows.options();
  const RunningSums by_row = RunningSums::none(matrix.rows.size(0), options);
  const RunningSums by_column =
      symmetric(matrix) ? by_row : RunningSums::none(matrix.columns.size(0), options);
  const TileMath& math = math_of(matrix);
  over_tiles(matrix, [&](const at::Tensor& tile, const Block& rows, const Block& columns) {
    const RunningSums column_sums = columns.of(by_column);
    const bool rows_alone = symmetric(matrix) && rows.begin == columns.begin;
    math.fold(tile, matrix.scale, rows.of(by_row), rows_alone ? nullptr : &column_sums);
  });
  return {by_row, by_column};
}

std::pair<at::Tensor, at::Tensor> weighted_sums(const PairMatrix& matrix, const ExpWeight& rows,
                                                const ExpWeight& columns) {
  const at::Tensor by_row = at::zeros_like(matrix.rows);
  const at::Tensor by_column = symmetric(matrix) ? by_row : at::zeros_like(matrix.columns);
  const TileMath& math = math_of(matrix);
  over_tiles(matrix, [&](const at::Tensor& tile, const Block& row, const Block& column) {
    math.weigh(tile, matrix.scale, row.of(rows), column.of(columns));
    row.of(by_row).addmm_(tile, column.of(matrix.columns));
    if (symmetric(matrix) && row.begin == column.begin) return;
    column.of(by_column).addmm_(tile.t(), row.of(matrix.rows));
  });
  return {by_row, symmetric(matrix) ? at::Tensor() : by_column};
}

}  // namespace nearfar
