// Sums over the rows of a matrix of similarities that never exists as a whole.
#pragma once

#include "framework/losses/tile_math.h"

namespace nearfar {

/// The similarities scale * rows_i . columns_k, but those where both ids are the same.
struct RowMatrix {
  at::Tensor rows;     // [A, D] contiguous
  at::Tensor columns;  // [K, D] contiguous; another type is converted tile by tile
  double scale = 1.0;
  at::Tensor row_id{},
      column_id{};                 // [A], [K] int64, negative: none; undefined: nothing is left out
  const TileMath* math = nullptr;  // null: as the device wants it
};

/// One unit of matrix products (2 A K D operations).
RunningSums sum_exponentials(const RowMatrix& matrix);

/// Adds to total [A, D] the sums over k of h_ik columns_k, h_ik being what `rows` and `columns`
/// give together. Two units.
void add_weighted_sums(const RowMatrix& matrix, const ExpWeight& rows, const ExpWeight& columns,
                       const at::Tensor& total);

/// Where attention over the columns looks.
struct Attention {
  at::Tensor log_sum;  // [A] float64: log of the sum over k of exp(s_ik); -infinity: no columns
  at::Tensor mean;     // [A, D]: mean of the columns with weights exp(s_ik); 0: no columns
};

/// In one pass over the columns, two units.
Attention attend(const RowMatrix& matrix);

}  // namespace nearfar
