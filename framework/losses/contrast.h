// Queries against a key of their own and many rows without gradient, by attention over those.
#pragma once

#include "distributed/group.h"
#include "framework/losses/pairs.h"
#include "framework/losses/row_tiles.h"

namespace nearfar {

/// Attention of this rank's queries (rows of `mine`) over columns of which every rank holds some.
/// A collective: queries, log-sums and means of all ranks travel.
Attention attend_over_ranks(Group& group, const Pairs& pairs, const RowMatrix& mine);

/// Cross entropy of each query's key among that key and the negatives, and its gradient at the unit
/// query: with p the softmax over the negatives and m their mean under it, (1 - p_key) (m - key)
/// times the scale.
struct Contrast {
  at::Tensor loss_n;       // [n] float64
  at::Tensor gradient_nD;  // [n, D] in the query's type

  /// query, key [n, D]; scale is 1 / temperature.
  Contrast(const at::Tensor& query_nD, const at::Tensor& key_nD, const Attention& negatives,
           double scale);
};

}  // namespace nearfar
