// The loops over a tile of similarities on the CPU, one table of them for each instruction set.
#pragma once

#include <cstdint>
#include <vector>

namespace nearfar {

/// The largest number of columns of a tile.
inline constexpr int64_t kWidestTile = 1024;

/// rows x columns products, each times `scale` a similarity. Rows begin at multiples of 64 bytes,
/// and what lies between the last column and the next such multiple may be overwritten.
template <typename T>
struct Tile {
  T* values;
  int64_t pitch;  // from row to row
  int64_t rows, columns;
  T scale;
};

/// log(sum of exp) is peak + log(sum); -infinity and 0 where nothing was added yet.
template <typename T>
struct PeakAndSum {
  T* peak = nullptr;
  double* sum = nullptr;
};

/// weight * exp(similarity - log_sum); nothing where null.
template <typename T>
struct ExpWeights {
  const T* log_sum = nullptr;
  const T* weight = nullptr;
};

/// The loops of one type. Exponentials are right to two units in the last place, those below the
/// smallest normal number are 0, and those of NaN are NaN; none overflows, as nothing is larger
/// than its peak or its log-sum.
template <typename T>
struct TileLoops {
  /// Adds the exponentials of a tile to the sums of its rows and, unless null, of its columns.
  void (*fold)(const Tile<T>& tile, PeakAndSum<T> rows, PeakAndSum<T> columns);
  /// similarity -> weight of its row + weight of its column, in place.
  void (*weigh)(const Tile<T>& tile, ExpWeights<T> rows, ExpWeights<T> columns);
  /// Adds a tile to the sums of its rows, and similarity -> exp(similarity - peak), in place.
  /// rescale[i]: the factor for what was summed with row i's earlier peak.
  void (*attend)(const Tile<T>& tile, PeakAndSum<T> rows, T* rescale);
};

struct TileKernels {
  const char* name;
  TileLoops<float> of_float;
  TileLoops<double> of_double;
};

/// The tables that this processor can run, from the most portable to the fastest.
const std::vector<const TileKernels*>& available_tile_kernels();

}  // namespace nearfar
