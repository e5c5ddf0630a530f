// Clusters test images by k-means and asks what the clusters know of the labels.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "framework/evaluate/clustering_score.h"

namespace nearfar {

struct ClusteringConfig {
  int64_t images = 10000;
  int64_t restarts = 3;
  int64_t seeds = 3;
  int64_t iterations = 100;

  void describe(auto& field) {
    field("images", images, int64_t{2}, int64_t{1} << 40,
          "at most so many test images, drawn by evaluate.seed, are clustered");
    field("restarts", restarts, int64_t{1}, int64_t{1000},
          "starts of k-means; the one with the least inertia counts");
    field("seeds", seeds, int64_t{1}, int64_t{1000},
          "times that all of it is repeated; the deviation is the spread");
    field("iterations", iterations, int64_t{1}, int64_t{100000}, "limit of a start of k-means");
  }
};

struct Clustering {
  ClusteringScores scores;
  double inertia = 0.0;  // mean squared distance of a unit row to its centre
  int64_t clusters = 0;
  int64_t images = 0;
  bool converged = false;
};

/// k-means on unit rows, k being the number of classes among the images; started by the seed, on a
/// sample of config.images that `sample_seed` draws. features [N, d], label [N] int64 >= 0, N > 0.
Clustering cluster_images(const at::Tensor& features, const at::Tensor& label,
                          const ClusteringConfig& config, uint64_t seed, uint64_t sample_seed);

}  // namespace nearfar
