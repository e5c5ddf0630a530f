// What is done with a tile of similarities between two matrix products: loops on the CPU, tensor
// operations on other devices.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// Sums of exponentials in progress: log(sum) + peak, for each row of a matrix.
struct RunningSums {
  at::Tensor peak;  // [rows]; -infinity: nothing yet
  at::Tensor sum;   // [rows] float64

  static RunningSums none(int64_t rows, const at::TensorOptions& options);
  RunningSums narrow(int64_t begin, int64_t count) const;
  at::Tensor log() const;  // [rows] float64; -infinity: nothing
};

/// weight * exp(similarity - log_sum), for each row of a matrix: what it gives to a gradient.
struct ExpWeight {
  at::Tensor log_sum;  // [rows]
  at::Tensor weight;   // [rows]; undefined: this side gives nothing

  bool defined() const { return weight.defined(); }
  ExpWeight narrow(int64_t begin, int64_t count) const;
};

/// `tile` [rows, columns] holds products, each times `scale` a similarity; -infinity: left out. On
/// the CPU its rows begin at multiples of 64 bytes. Everything is in the tile's type but sums.
struct TileMath {
  /// Adds a tile to the sums of its rows and, unless null, of its columns.
  void (*fold)(const at::Tensor& tile, double scale, const RunningSums& rows,
               const RunningSums* columns);
  /// similarity -> weight by its row + weight by its column, in place; at least one is defined.
  void (*weigh)(const at::Tensor& tile, double scale, const ExpWeight& rows,
                const ExpWeight& columns);
  /// Adds a tile to the sums of its rows, and similarity -> exp(similarity - peak), in place.
  /// Returns [rows], the factor for what was summed with an earlier peak.
  at::Tensor (*attend)(const at::Tensor& tile, double scale, const RunningSums& rows);
};

/// The loops of the CPU (tile_loops.h).
extern const TileMath kTileLoops;
/// The same by LibTorch's operations, on any device.
extern const TileMath kTileOperations;

const TileMath& tile_math_for(at::Device device);

}  // namespace nearfar
