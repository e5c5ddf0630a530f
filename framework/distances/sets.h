// Distances between sets of embeddings: batches, classes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

struct SinkhornOptions {
  double epsilon = 1.0;  // in units of the cost
  double residual = 1e-13;
  int64_t most_iterations = 100000;
};

/// Entropic transport between two point sets [n, d] and [m, d] of uniform weights under squared
/// Euclidean cost (Cuturi 2013): sum of plan * cost at the plan that minimises cost - epsilon
/// entropy. Sinkhorn's iteration runs in the log domain and in float64 until the plan's row sums
/// are within `residual` of their weights; c10::Error after `most_iterations`. The gradient is that
/// of the converged value, by implicit differentiation: a linear system of n + m unknowns and no
/// memory of the iteration.
at::Tensor sinkhorn_distance(const at::Tensor& x, const at::Tensor& y,
                             const SinkhornOptions& options);

/// The energy distance of two point sets [n, d] and [m, d] (Szekely and Rizzo 2013):
/// 2 mean |x - y| - mean |x - x'| - mean |y - y'|. The last two means run over all pairs, a point
/// with itself included (>= 0, a V-statistic), or over pairs of different points (unbiased; two
/// points in each set at least).
enum class PairsOfASet { all, different };
at::Tensor energy_distance(const at::Tensor& x, const at::Tensor& y,
                           PairsOfASet pairs = PairsOfASet::all);

}  // namespace nearfar
