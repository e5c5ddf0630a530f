// Losses on the statistics of all ranks' embeddings: Barlow Twins, VICReg, alignment, uniformity.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// z1, z2 [n, d] are this rank's shard. Statistics are those of the global batch: their sums travel
// over ranks, and back in backward, so every rank must differentiate its loss; every rank's loss is
// that of the global batch. The batch has two samples at least.

struct BarlowTwins {
  double lambda = 0.0051;
  double scale = 1.0;
  double epsilon = 1e-5;  // added to the variances
};

/// Zbontar et al. 2021, equation 1, with the statistics of their main.py: columns are centred and
/// divided by the biased deviation, C = z1^T z2 / N; scale (sum (1 - C_ii)^2 + lambda sum_{i != j}
/// C_ij^2).
at::Tensor barlow_twins_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             const BarlowTwins& options, const Shard& own);

struct VicReg {
  double invariance = 25.0;
  double variance = 25.0;
  double covariance = 1.0;
  double epsilon = 1e-4;
};

/// Bardes et al. 2022 as in facebookresearch/vicreg: the loss and its terms before their weights.
struct VicRegTerms {
  at::Tensor loss, invariance, variance, covariance;
};
VicRegTerms vicreg_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                        const VicReg& options, const Shard& own);

struct AlignmentUniformity {
  double alpha = 2.0;   // exponent of the distance of two views
  double t = 2.0;       // sharpness of the Gaussian potential
  double lambda = 1.0;  // weight of uniformity
};

/// Wang and Isola 2020, equations 1 and 2, on rows normalised inside: mean |x - y|^alpha + lambda
/// (uniformity(z1) + uniformity(z2)) / 2.
struct AlignmentUniformityTerms {
  at::Tensor loss, alignment, uniformity1, uniformity2;
};
AlignmentUniformityTerms alignment_uniformity(Group& group, const at::Tensor& z1,
                                              const at::Tensor& z2,
                                              const AlignmentUniformity& options, const Shard& own);

}  // namespace nearfar
