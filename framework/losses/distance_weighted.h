// Distance-weighted sampling of negatives, and the margin loss that it was made for.
#pragma once

#include <ATen/core/Tensor.h>

#include "augment/random.h"
#include "framework/losses/labelled_batch.h"

namespace nearfar {

struct DistanceWeights {
  double cutoff = 0.5;               // nearer rows count as that far
  double nonzero_loss_cutoff = 1.4;  // farther ones are not drawn
};

/// Wu et al. 2017, section 4: how probable each row is as the negative of each anchor, [n, N]: the
/// inverse of the density of distances on the unit sphere in d dimensions, D^(d-2) (1 - D^2 /
/// 4)^((d-3)/2), over the rows of other labels; rows without any candidate stay zero. Computed from
/// logarithms whose largest is taken out, so wide embeddings give no NaN. No gradient.
at::Tensor distance_weights(const LabelledBatch& batch, const DistanceWeights& options);

/// A negative for each positive pair by those weights: triplets [T, 3] int64, the anchor a row of
/// this rank, positive and negative rows of the global batch. `random` is the batch's; each anchor
/// draws from a stream of its global row, whatever the number of ranks.
at::Tensor distance_weighted_triplets(const LabelledBatch& batch, const DistanceWeights& options,
                                      const Random& random);

/// Wu et al. 2017, equation 5: with unit rows and D Euclidean, the sum over triplets of [D_ap -
/// beta
/// + alpha]+ + [beta - D_an + alpha]+ over how many of these terms are above 0 (at least 1). beta
/// (0-d) may be a parameter. The mean over ranks is over the triplets of all ranks.
at::Tensor margin_loss(Group& group, const LabelledBatch& batch, const at::Tensor& triplets,
                       const at::Tensor& beta, double alpha);

}  // namespace nearfar
