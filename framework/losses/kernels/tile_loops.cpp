// The loops over a tile of similarities in vectors, and their table.
#include "framework/losses/tile_loops.h"

#include <limits>

#define NEARFAR_TEXT(name) #name
#define NEARFAR_NAME(name) NEARFAR_TEXT(name)

namespace nearfar::NEARFAR_KERNELS {
namespace {

// The widest vectors of the instruction set: GCC selects among wider ones element by element.
constexpr int kBytes = __BIGGEST_ALIGNMENT__;

/// What the exponential of a type needs: e^x = 2^n e^r, n = round(x / ln 2), |r| <= ln 2 / 2.
template <typename T>
struct Format;
template <>
struct Format<float> {
  using Vector __attribute__((vector_size(kBytes))) = float;
  using Bits __attribute__((vector_size(kBytes))) = int32_t;
  static constexpr float kRound = 0x1.8p23f;     // x + kRound holds x rounded in its low bits
  static constexpr float kLn2High = 0x1.63p-1f;  // few enough bits that n times it is exact
  static constexpr float kLn2Low = -0x1.bd0106p-13f;
  static constexpr float kSmallest = -0x1.5d589ep6f;  // log of the smallest normal number
  static constexpr int kMantissa = 23, kBias = 127;
  static constexpr int kDegree = 7;  // r^8 / 8! is below 2^-27
};
template <>
struct Format<double> {
  using Vector __attribute__((vector_size(kBytes))) = double;
  using Bits __attribute__((vector_size(kBytes))) = int64_t;
  static constexpr double kRound = 0x1.8p52;
  static constexpr double kLn2High = 0x1.62e42fee00000p-1;
  static constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kSmallest = -0x1.6232bdd7abcd2p9;
  static constexpr int kMantissa = 52, kBias = 1023;
  static constexpr int kDegree = 13;  // r^14 / 14! is below 2^-57
};

template <typename T>
using Vector = typename Format<T>::Vector;
template <typename T>
constexpr int kLanes = kBytes / static_cast<int>(sizeof(T));

constexpr double reciprocal_factorial(int n) {
  double product = 1.0;
  for (int i = 2; i <= n; ++i) product *= i;
  return 1.0 / product;
}

/// For x at most a little above 0.
template <typename T>
inline Vector<T> exponential(Vector<T> x) {
  using F = Format<T>;
  using Bits = typename F::Bits;
  constexpr T kPerLn2 = static_cast<T>(0x1.71547652b82fep0);
  const Vector<T> shifted = x * kPerLn2 + F::kRound;
  const Vector<T> n = shifted - F::kRound;
  const Vector<T> r = (x - n * F::kLn2High) - n * F::kLn2Low;
  Vector<T> series = Vector<T>{} + static_cast<T>(reciprocal_factorial(F::kDegree));
#pragma GCC unroll 16
  for (int i = F::kDegree - 1; i >= 0; --i) {
    series = series * r + static_cast<T>(reciprocal_factorial(i));
  }
  const Vector<T> round = Vector<T>{} + F::kRound;
  const Bits exponent =
      __builtin_bit_cast(Bits, shifted) - __builtin_bit_cast(Bits, round) + F::kBias;
  const Vector<T> result = series * __builtin_bit_cast(Vector<T>, exponent << F::kMantissa);
  return x < F::kSmallest ? Vector<T>{} : result;  // NaN is not below it, and stays
}

template <typename T>
Vector<T> larger(Vector<T> a, Vector<T> b) {
  return a > b ? a : b;
}

template <typename T>
int64_t vectors_of(const Tile<T>& tile) {
  return (tile.columns + kLanes<T> - 1) / kLanes<T>;
}

/// The vectors of a row; lanes beyond the last column are filled so that they add nothing.
template <typename T>
Vector<T>* row_of(const Tile<T>& tile, int64_t i) {
  T* values = tile.values + i * tile.pitch;
  for (int64_t k = tile.columns; k < vectors_of(tile) * kLanes<T>; ++k) {
    values[k] = -std::numeric_limits<T>::infinity();
  }
  return reinterpret_cast<Vector<T>*>(values);
}

/// A number for each column, in whole vectors.
template <typename T>
struct Columns {
  Vector<T> vectors[kWidestTile / kLanes<T>];
  T& operator[](int64_t k) { return reinterpret_cast<T*>(vectors)[k]; }
};

/// -infinity minus itself is NaN: what has no peak yet is measured from 0.
template <typename T>
T finite_peak(T peak) {
  return peak == -std::numeric_limits<T>::infinity() ? T{0} : peak;
}

/// Raises a peak to what is new and shrinks the sum accordingly. Returns by what factor.
template <typename T>
T raise_peak(PeakAndSum<T> state, int64_t i, T largest) {
  const T old = state.peak[i];
  state.peak[i] = largest > old ? largest : old;
  const T factor = exponential<T>(Vector<T>{} + (old - finite_peak(state.peak[i])))[0];
  state.sum[i] *= static_cast<double>(factor);
  return factor;
}

template <typename T>
T largest_of(const Vector<T>* row, int64_t vectors) {
  Vector<T> lanes = row[0];
  for (int64_t v = 1; v < vectors; ++v) lanes = larger<T>(row[v], lanes);
  T largest = lanes[0];
  for (int lane = 1; lane < kLanes<T>; ++lane) {
    if (lanes[lane] > largest) largest = lanes[lane];
  }
  return largest;
}

/// Lets `use(i, peak, vectors of row i)` give the sum of a row's exponentials, for every row.
template <typename T, typename Use>
void over_rows(const Tile<T>& tile, PeakAndSum<T> rows, T* rescale, const Use& use) {
  const int64_t vectors = vectors_of(tile);
  for (int64_t i = 0; i < tile.rows; ++i) {
    Vector<T>* row = row_of(tile, i);
    const T factor = raise_peak<T>(rows, i, tile.scale * largest_of<T>(row, vectors));
    if (rescale != nullptr) rescale[i] = factor;
    const Vector<T> sums = use(row, vectors, finite_peak(rows.peak[i]));
    for (int lane = 0; lane < kLanes<T>; ++lane) rows.sum[i] += static_cast<double>(sums[lane]);
  }
}

template <typename T>
void fold_columns(const Tile<T>& tile, PeakAndSum<T> columns) {
  const int64_t vectors = vectors_of(tile);
  Columns<T> peaks, sums;
  for (int64_t v = 0; v < vectors; ++v) {
    peaks.vectors[v] = row_of(tile, 0)[v];
    sums.vectors[v] = Vector<T>{};
  }
  for (int64_t i = 1; i < tile.rows; ++i) {
    const Vector<T>* row = row_of(tile, i);
    for (int64_t v = 0; v < vectors; ++v) peaks.vectors[v] = larger<T>(row[v], peaks.vectors[v]);
  }
  for (int64_t k = 0; k < tile.columns; ++k) {
    raise_peak<T>(columns, k, tile.scale * peaks[k]);
    peaks[k] = finite_peak(columns.peak[k]);
  }
  for (int64_t i = 0; i < tile.rows; ++i) {
    const Vector<T>* row = row_of(tile, i);
    for (int64_t v = 0; v < vectors; ++v) {
      sums.vectors[v] += exponential<T>(row[v] * tile.scale - peaks.vectors[v]);
    }
  }
  for (int64_t k = 0; k < tile.columns; ++k) columns.sum[k] += static_cast<double>(sums[k]);
}

template <typename T>
void fold(const Tile<T>& tile, PeakAndSum<T> rows, PeakAndSum<T> columns) {
  over_rows<T>(tile, rows, nullptr, [&](const Vector<T>* row, int64_t vectors, T peak) {
    Vector<T> sums{};
    for (int64_t v = 0; v < vectors; ++v) sums += exponential<T>(row[v] * tile.scale - peak);
    return sums;
  });
  if (columns.peak != nullptr) fold_columns(tile, columns);
}

template <typename T>
void attend(const Tile<T>& tile, PeakAndSum<T> rows, T* rescale) {
  over_rows<T>(tile, rows, rescale, [&](Vector<T>* row, int64_t vectors, T peak) {
    Vector<T> sums{};
    for (int64_t v = 0; v < vectors; ++v) {
      row[v] = exponential<T>(row[v] * tile.scale - peak);
      sums += row[v];
    }
    return sums;
  });
}

template <typename T, bool kRows, bool kColumns>
void weigh_sides(const Tile<T>& tile, ExpWeights<T> rows, ExpWeights<T> columns) {
  const int64_t vectors = vectors_of(tile);
  Columns<T> log_sums{}, weights{};
  for (int64_t k = 0; kColumns && k < tile.columns; ++k) {
    log_sums[k] = columns.log_sum[k];
    weights[k] = columns.weight[k];
  }
  for (int64_t i = 0; i < tile.rows; ++i) {
    Vector<T>* row = row_of(tile, i);
    for (int64_t v = 0; v < vectors; ++v) {
      const Vector<T> similarity = row[v] * tile.scale;
      Vector<T> sum{};
      if constexpr (kRows) sum += rows.weight[i] * exponential<T>(similarity - rows.log_sum[i]);
      if constexpr (kColumns) {
        sum += weights.vectors[v] * exponential<T>(similarity - log_sums.vectors[v]);
      }
      row[v] = sum;
    }
  }
}

template <typename T>
void weigh(const Tile<T>& tile, ExpWeights<T> rows, ExpWeights<T> columns) {
  if (rows.weight == nullptr) return weigh_sides<T, false, true>(tile, rows, columns);
  if (columns.weight == nullptr) return weigh_sides<T, true, false>(tile, rows, columns);
  return weigh_sides<T, true, true>(tile, rows, columns);
}

}  // namespace

extern const TileKernels kTileKernels;
const TileKernels kTileKernels = {
    .name = NEARFAR_NAME(NEARFAR_KERNELS),
    .of_float = {fold<float>, weigh<float>, attend<float>},
    .of_double = {fold<double>, weigh<double>, attend<double>},
};

}  // namespace nearfar::NEARFAR_KERNELS
