// Losses of pairs: how similar two embeddings should be.
#pragma once

#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/labelled_batch.h"

namespace nearfar {

// Given pairs: x1, x2 [N, d], row by row. Means over the pairs, one rank's.

/// mean (cos(x1, x2) - similarity)^2, similarity [N] real.
at::Tensor pair_regression(const at::Tensor& x1, const at::Tensor& x2,
                           const at::Tensor& similarity);

/// mean binary cross entropy of sigmoid(scale cos(x1, x2) + bias), same [N] in {0, 1}. scale and
/// bias may be parameters (0-d).
at::Tensor pair_classification(const at::Tensor& x1, const at::Tensor& x2, const at::Tensor& same,
                               const at::Tensor& scale, const at::Tensor& bias);

/// How the margin m of the contrastive loss enters.
enum class ContrastiveForm {
  margin_of_distance,  // [m - d]+^2 (Hadsell, Chopra and LeCun 2006, equation 4, without the half)
  margin_of_square,    // [m^2 - d^2]+
};

/// mean of same d^2 + (1 - same) repulsion, d = |x1 - x2|, same [N] in {0, 1}; no normalisation.
at::Tensor contrastive(const at::Tensor& x1, const at::Tensor& x2, const at::Tensor& same,
                       double margin, ContrastiveForm form);

struct TwoMargins {
  double positive = 0.0;  // positives nearer than that are near enough
  double negative = 1.0;
  bool normalize = true;
  Reduction reduction = Reduction::nonzero;
};

/// All ordered pairs of a labelled batch: the mean of [d - positive]+ over pairs of one label plus
/// the mean of [negative - d]+ over pairs of different labels. embeddings [n, d], label [n] are
/// this rank's rows of the global batch; the mean over ranks is the loss of the global batch.
at::Tensor contrastive_two_margins(Group& group, const at::Tensor& embeddings,
                                   const at::Tensor& label, const TwoMargins& margins,
                                   const Shard& own);

}  // namespace nearfar
