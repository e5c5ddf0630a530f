// Visits the tiles of a matrix row block by row block, over the threads of LibTorch.
#include "framework/losses/row_tiles.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>

#include "framework/losses/same_ids.h"

namespace nearfar {
namespace {

constexpr int64_t kRows = 256;  // a float tile of 512 KiB stays in a core's second cache
constexpr int64_t kColumns = 512;
constexpr int64_t kDeviceRows = 4096;
constexpr int64_t kDeviceColumns = 4096;

/// How the work is divided: every slot takes a run of columns, and has sums of its own.
struct Division {
  int64_t row_block, row_blocks, column_block, column_blocks, slots;
  int64_t threads;
};

Division division_of(const RowMatrix& matrix) {
  const int64_t rows = matrix.rows.size(0), columns = matrix.columns.size(0);
  const auto blocks = [](int64_t count, int64_t block) { return (count + block - 1) / block; };
  if (!matrix.rows.is_cpu()) {
    return {kDeviceRows,
            blocks(rows, kDeviceRows),
            kDeviceColumns,
            blocks(columns, kDeviceColumns),
            1,
            1};
  }
  const int64_t threads = at::get_num_threads();
  int64_t row_blocks = blocks(rows, kRows), slots = 1;
  if (rows >= kRows * threads) {
    row_blocks = blocks(row_blocks, threads) * threads;  // equal work for all
  } else {
    while (threads % row_blocks != 0) ++row_blocks;
    slots = threads / row_blocks;
  }
  const int64_t row_block = blocks(rows, row_blocks);
  const int64_t column_blocks = blocks(columns, kColumns);
  return {row_block,     blocks(rows, row_block),        kColumns,
          column_blocks, std::min(slots, column_blocks), threads};
}

/// A tile and where it lies.
struct Place {
  int64_t row, rows, column, columns, slot;
};

/// Calls visit(tile of products, its columns as rows, place) for every tile; calls at the same time
/// have no rows or not the slot in common, and a row's tiles come in the order of their columns.
template <typename Visit>
void over_tiles(const RowMatrix& matrix, const Division& d, const Visit& visit) {
  const SameIds same(matrix.row_id, matrix.column_id);
  const at::Tensor scratch =
      at::empty({d.threads, std::min(d.row_block, matrix.rows.size(0)), d.column_block},
                matrix.rows.options());
  const auto at_place = [&](const Place& place, int64_t thread) {
    at::Tensor tile = scratch[thread].narrow(0, 0, place.rows).narrow(1, 0, place.columns);
    const at::Tensor columns =
        matrix.columns.narrow(0, place.column, place.columns).to(matrix.rows.scalar_type());
    at::mm_out(tile, matrix.rows.narrow(0, place.row, place.rows), columns.t());
    same.leave_out(tile, place.row, place.column);
    visit(tile, columns, place);
  };
  const auto take = [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t row = task / d.slots * d.row_block, slot = task % d.slots;
      const int64_t rows = std::min(d.row_block, matrix.rows.size(0) - row);
      for (int64_t c = d.column_blocks * slot / d.slots; c < d.column_blocks * (slot + 1) / d.slots;
           ++c) {
        const int64_t column = c * d.column_block;
        const int64_t columns = std::min(d.column_block, matrix.columns.size(0) - column);
        at_place({row, rows, column, columns, slot}, d.threads == 1 ? 0 : at::get_thread_num());
      }
    }
  };
  const int64_t tasks = d.row_blocks * d.slots;
  matrix.rows.is_cpu() ? at::parallel_for(0, tasks, 1, take) : take(0, tasks);
}

bool empty(const RowMatrix& matrix) {
  return matrix.rows.size(0) == 0 || matrix.columns.size(0) == 0;
}

const TileMath& math_of(const RowMatrix& matrix) {
  return matrix.math != nullptr ? *matrix.math : tile_math_for(matrix.rows.device());
}

/// Sums of all slots, [slots, A] flat, and the factors with which each slot counts, [slots, A].
struct Merged {
  RunningSums sums;
  at::Tensor factor;
};

Merged merge(const RunningSums& parts, int64_t slots) {
  const at::Tensor peaks = parts.peak.view({slots, -1});
  const at::Tensor peak = peaks.amax(0);
  const at::Tensor factor = (peaks - peak.masked_fill(peak.isneginf(), 0.0)).exp_();
  return {{peak, (parts.sum.view({slots, -1}) * factor).sum(0)}, factor};
}

}  // namespace

RunningSums sum_exponentials(const RowMatrix& matrix) {
  const int64_t rows = matrix.rows.size(0);
  if (empty(matrix)) return RunningSums::none(rows, matrix.rows.options());
  const Division d = division_of(matrix);
  const RunningSums parts = RunningSums::none(d.slots * rows, matrix.rows.options());
  const TileMath& math = math_of(matrix);
  over_tiles(matrix, d, [&](const at::Tensor& tile, const at::Tensor&, const Place& place) {
    math.fold(tile, matrix.scale, parts.narrow(place.slot * rows + place.row, place.rows), nullptr);
  });
  return merge(parts, d.slots).sums;
}

void add_weighted_sums(const RowMatrix& matrix, const ExpWeight& rows, const ExpWeight& columns,
                       const at::Tensor& total) {
  if (empty(matrix)) return;
  const Division d = division_of(matrix);
  const TileMath& math = math_of(matrix);
  const at::Tensor parts =
      d.slots == 1 ? total.unsqueeze(0)
                   : at::zeros({d.slots, total.size(0), total.size(1)}, total.options());
  over_tiles(matrix, d, [&](const at::Tensor& tile, const at::Tensor& keys, const Place& place) {
    math.weigh(tile, matrix.scale, rows.narrow(place.row, place.rows),
               columns.narrow(place.column, place.columns));
    parts[place.slot].narrow(0, place.row, place.rows).addmm_(tile, keys);
  });
  if (d.slots > 1) total.add_(parts.sum(0));
}

Attention attend(const RowMatrix& matrix) {
  const int64_t rows = matrix.rows.size(0);
  if (empty(matrix)) {
    return {RunningSums::none(rows, matrix.rows.options()).log(), at::zeros_like(matrix.rows)};
  }
  const Division d = division_of(matrix);
  const RunningSums parts = RunningSums::none(d.slots * rows, matrix.rows.options());
  const at::Tensor sums = at::zeros({d.slots, rows, matrix.rows.size(1)}, matrix.rows.options());
  const TileMath& math = math_of(matrix);
  over_tiles(matrix, d, [&](const at::Tensor& tile, const at::Tensor& keys, const Place& place) {
    const at::Tensor rescale =
        math.attend(tile, matrix.scale, parts.narrow(place.slot * rows + place.row, place.rows));
    at::Tensor sum = sums[place.slot].narrow(0, place.row, place.rows);
    sum.mul_(rescale.unsqueeze(1)).addmm_(tile, keys);
  });
  const Merged merged = merge(parts, d.slots);
  const at::Tensor whole = merged.sums.sum.masked_fill(merged.sums.sum == 0, 1.0);
  const at::Tensor share = merged.factor.div(whole).to(sums.scalar_type());
  return {merged.sums.log(), sums.mul_(share.unsqueeze(2)).sum(0)};
}

}  // namespace nearfar
