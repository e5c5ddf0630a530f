// The distances to each anchor's negatives in order, with their running sums.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// What sums over negatives up to a threshold need: n anchors, N rows, memory of a few [n, N].
class SortedNegatives {
 public:
  /// distances [n, N], with gradient; negatives [n, N] bool.
  SortedNegatives(const at::Tensor& distance_nN, const at::Tensor& negatives_nN);

  /// [n, 1] int64: how many negatives an anchor has.
  const at::Tensor& count_n1() const { return count_n1_; }
  /// [n, N] int64: how many of the anchor's negatives are nearer than the threshold, or as near.
  at::Tensor count_below(const at::Tensor& threshold_nN) const;
  at::Tensor count_at_most(const at::Tensor& threshold_nN) const;
  /// [n, N] float64: the sum of the nearest `count` distances; with gradient.
  at::Tensor sum_until(const at::Tensor& count_nN) const;
  /// [n, N]: the distance, with gradient, and the column of the negative at a place of the order.
  at::Tensor distance_at(const at::Tensor& place_nN) const;
  at::Tensor column_at(const at::Tensor& place_nN) const;

 private:
  at::Tensor sorted_nN_, column_nN_, count_n1_;
  at::Tensor running_nM_;  // M = N + 1: starts with 0
};

}  // namespace nearfar
