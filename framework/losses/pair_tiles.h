// Sums over a square matrix of similarities that never exists as a whole, by rows and by columns.
#pragma once

#include <utility>

#include "framework/losses/tile_math.h"

namespace nearfar {

/// The similarities scale * rows_i . columns_k, but those that are set aside. Where rows and
/// columns are one tensor, the matrix is symmetric and one half of it is computed.
struct PairMatrix {
  at::Tensor rows, columns;  // [M, D] each, contiguous, one type
  double scale = 1.0;
  /// Left out where i / aside == k / aside: 1 the diagonal, 2 pairs that lie side by side.
  int64_t aside = 1;
  const TileMath* math = nullptr;  // null: as the device wants it
};

/// Of rows, then of columns; both the same where the matrix is symmetric. One unit of matrix
/// products (2 M M D operations), half a unit where it is symmetric.
std::pair<RunningSums, RunningSums> sum_exponentials(const PairMatrix& matrix);

/// With h_ik = what `rows` and `columns` give together: [M, D] sums over k of h_ik columns_k, and
/// over i of h_ik rows_i. Symmetric (rows and columns the same): the first alone, the second
/// undefined. Three units, symmetric one and a half. Besides the results, memory for one tile a
/// thread.
std::pair<at::Tensor, at::Tensor> weighted_sums(const PairMatrix& matrix, const ExpWeight& rows,
                                                const ExpWeight& columns);

}  // namespace nearfar
