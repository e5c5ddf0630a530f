// k-means: Lloyd's iterations, seeded starts, restarts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

struct KMeans {
  at::Tensor centers;      // [k, d], of the features' type
  at::Tensor assignment;   // [N] int64
  double inertia = 0.0;    // sum of squared distances to the assigned centres
  int64_t iterations = 0;  // assignments made, the one that changed nothing included
  bool converged = false;  // the last assignment changed nothing
};

struct KMeansOptions {
  bool spherical = false;  // unit rows and centres, assignment by the largest cosine (Dhillon and
                           // Modha 2001)
  int64_t max_iterations = 300;
};

/// Lloyd's iterations from given centres [k, d] until the assignment repeats (Lloyd 1982). Of
/// centres equally near the lower one takes a row. A cluster that empties starts anew at the row
/// farthest from its centre (the lowest of equals; several take the next ones). features [N, d]
/// float32 or float64; spherical expects unit rows. Sums of blocks are added in double. Takes at
/// most 48 MB besides the features and numbers by row or centre.
KMeans lloyd(const at::Tensor& features, const at::Tensor& centers, const KMeansOptions& options);

/// k rows as first centres, each drawn with a chance proportional to its squared distance to the
/// centres before it (k-means++, Arthur and Vassilvitskii 2007). k <= N; where all distances are 0
/// the draw is uniform.
at::Tensor k_means_plus_plus(const at::Tensor& features, int64_t k, uint64_t seed);

/// The least inertia over `restarts` seeded starts, the first of equals.
KMeans k_means(const at::Tensor& features, int64_t k, int64_t restarts, uint64_t seed,
               const KMeansOptions& options);

}  // namespace nearfar
