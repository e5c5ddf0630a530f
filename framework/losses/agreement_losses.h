// Losses without negatives: predictions agree with targets that carry no gradient.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// Rows are this rank's shard; the mean over ranks of a loss is that of the global batch.

/// BYOL (Grill et al. 2020, equation 2): mean (2 - 2 cos(p1, z2)) + mean (2 - 2 cos(p2, z1)).
/// Predictions p and targets z [n, d], normalised inside.
at::Tensor byol_loss(Group& group, const at::Tensor& p1, const at::Tensor& p2, const at::Tensor& z1,
                     const at::Tensor& z2, const Shard& own);

/// SimSiam (Chen and He 2021, equation 2): -(mean cos(p1, z2) + mean cos(p2, z1)) / 2.
at::Tensor simsiam_loss(Group& group, const at::Tensor& p1, const at::Tensor& p2,
                        const at::Tensor& z1, const at::Tensor& z2, const Shard& own);

struct DinoTemperatures {
  double student = 0.1;
  double teacher = 0.04;
};

/// DINO (Caron et al. 2021, algorithm 1): teacher [2, n, K] of the two global views, student [V, n,
/// K] of all views, the global ones first, center [K]; the cross entropy of each teacher view
/// against each other student view, mean over these pairs and rows. No gradient to the teacher.
at::Tensor dino_loss(Group& group, const at::Tensor& teacher, const at::Tensor& student,
                     const at::Tensor& center, const DinoTemperatures& temperatures,
                     const Shard& own);

/// The centre after a step (equation 4): momentum center + (1 - momentum) mean of the teacher over
/// views and the rows of all ranks.
at::Tensor moved_center(Group& group, const at::Tensor& teacher, const at::Tensor& center,
                        double momentum, const Shard& own);

}  // namespace nearfar
