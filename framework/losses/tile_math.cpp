// Both kinds of tile mathematics: calls of the loops, and tensor operations.
#include "framework/losses/tile_math.h"

#include <torch/types.h>

#include <limits>

#include "framework/losses/tile_loops.h"

namespace nearfar {
namespace {

template <typename T>
const TileLoops<T>& loops() {
  const TileKernels& kernels = *available_tile_kernels().back();
  if constexpr (std::is_same_v<T, float>) {
    return kernels.of_float;
  } else {
    return kernels.of_double;
  }
}

template <typename T>
Tile<T> tile_of(const at::Tensor& tile, double scale) {
  return {tile.mutable_data_ptr<T>(), tile.stride(0), tile.size(0), tile.size(1),
          static_cast<T>(scale)};
}

template <typename T>
PeakAndSum<T> peaks_of(const RunningSums& sums) {
  return {sums.peak.mutable_data_ptr<T>(), sums.sum.mutable_data_ptr<double>()};
}

template <typename T>
ExpWeights<T> weights_of(const ExpWeight& side) {
  if (!side.defined()) return {};
  return {side.log_sum.const_data_ptr<T>(), side.weight.const_data_ptr<T>()};
}

/// Calls `use` with a value of the tile's type.
template <typename Use>
void with_type_of(const at::Tensor& tile, const Use& use) {
  tile.scalar_type() == at::kFloat ? use(0.0f) : use(0.0);
}

void fold_by_loops(const at::Tensor& tile, double scale, const RunningSums& rows,
                   const RunningSums* columns) {
  with_type_of(tile, [&]<typename T>(T) {
    loops<T>().fold(tile_of<T>(tile, scale), peaks_of<T>(rows),
                    columns == nullptr ? PeakAndSum<T>{} : peaks_of<T>(*columns));
  });
}

void weigh_by_loops(const at::Tensor& tile, double scale, const ExpWeight& rows,
                    const ExpWeight& columns) {
  with_type_of(tile, [&]<typename T>(T) {
    loops<T>().weigh(tile_of<T>(tile, scale), weights_of<T>(rows), weights_of<T>(columns));
  });
}

at::Tensor attend_by_loops(const at::Tensor& tile, double scale, const RunningSums& rows) {
  at::Tensor rescale = at::empty({tile.size(0)}, tile.options());
  with_type_of(tile, [&]<typename T>(T) {
    loops<T>().attend(tile_of<T>(tile, scale), peaks_of<T>(rows), rescale.mutable_data_ptr<T>());
  });
  return rescale;
}

/// -infinity minus itself is NaN: what has no peak yet is measured from 0.
at::Tensor finite_peak(const at::Tensor& peak) { return peak.masked_fill(peak.isneginf(), 0.0); }

/// Raises peaks to `largest` and shrinks the sums accordingly. Returns by what factors.
at::Tensor raise_peaks(const RunningSums& sums, const at::Tensor& largest) {
  const at::Tensor peak = at::maximum(sums.peak, largest);
  const at::Tensor factor = sums.peak.sub(finite_peak(peak)).exp_();
  sums.sum.mul_(factor);
  sums.peak.copy_(peak);
  return factor;
}

void fold_along(const at::Tensor& similarities, int64_t dimension, const RunningSums& sums) {
  raise_peaks(sums, similarities.amax(dimension));
  const at::Tensor peak = finite_peak(sums.peak).unsqueeze(dimension);
  sums.sum.add_(similarities.sub(peak).exp_().sum(dimension));
}

void fold_by_operations(const at::Tensor& tile, double scale, const RunningSums& rows,
                        const RunningSums* columns) {
  tile.mul_(scale);
  fold_along(tile, 1, rows);
  if (columns != nullptr) fold_along(tile, 0, *columns);
}

void weigh_by_operations(const at::Tensor& tile, double scale, const ExpWeight& rows,
                         const ExpWeight& columns) {
  tile.mul_(scale);
  const auto by = [&tile](const ExpWeight& side, int64_t dimension) {
    return tile.sub(side.log_sum.unsqueeze(dimension))
        .exp_()
        .mul_(side.weight.unsqueeze(dimension));
  };
  at::Tensor sum = by(rows.defined() ? rows : columns, rows.defined() ? 1 : 0);
  if (rows.defined() && columns.defined()) sum.add_(by(columns, 0));
  tile.copy_(sum);
}

at::Tensor attend_by_operations(const at::Tensor& tile, double scale, const RunningSums& rows) {
  tile.mul_(scale);
  const at::Tensor factor = raise_peaks(rows, tile.amax(1));
  tile.sub_(finite_peak(rows.peak).unsqueeze(1)).exp_();
  rows.sum.add_(tile.sum(1));
  return factor;
}

}  // namespace

RunningSums RunningSums::none(int64_t rows, const at::TensorOptions& options) {
  return {at::full({rows}, -std::numeric_limits<double>::infinity(), options),
          at::zeros({rows}, options.dtype(at::kDouble))};
}

RunningSums RunningSums::narrow(int64_t begin, int64_t count) const {
  return {peak.narrow(0, begin, count), sum.narrow(0, begin, count)};
}

at::Tensor RunningSums::log() const { return sum.log().add_(peak); }

ExpWeight ExpWeight::narrow(int64_t begin, int64_t count) const {
  if (!defined()) return {};
  return {log_sum.narrow(0, begin, count), weight.narrow(0, begin, count)};
}

const TileMath kTileLoops = {fold_by_loops, weigh_by_loops, attend_by_loops};
const TileMath kTileOperations = {fold_by_operations, weigh_by_operations, attend_by_operations};

const TileMath& tile_math_for(at::Device device) {
  return device.is_cpu() ? kTileLoops : kTileOperations;
}

}  // namespace nearfar
