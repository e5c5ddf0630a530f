// How much a clustering and the labels tell about each other.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

/// Logarithms are natural; all scores but the first four are 1 for equal partitions and at most 1.
struct ClusteringScores {
  double label_entropy = 0.0;
  double cluster_entropy = 0.0;
  double mutual_information = 0.0;
  double expected_information = 0.0;  // of partitions with the same sizes (hypergeometric)
  double nmi = 0.0;                   // information by the arithmetic mean of the entropies
  double nmi_sqrt = 0.0;              // by their geometric mean (Strehl and Ghosh 2002)
  double ami = 0.0;        // (information - expected) / (mean entropy - expected) (Vinh, Epps,
                           // Bailey 2010)
  double ami_error = 0.0;  // standard error over images, the clustering held (delta method)
};

/// label and cluster [N] int64 >= 0, N > 0. A single cluster scores 0 unless the labels agree.
ClusteringScores clustering_scores(const at::Tensor& label, const at::Tensor& cluster);

}  // namespace nearfar
