// Numbers that tell whether a representation is collapsing.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// Mean over dimensions of the standard deviation of unit rows, times the root of the dimension: 1
/// when rows spread evenly over the sphere, 0 when all are equal. embeddings [N, d].
double embedding_std(const at::Tensor& embeddings);

/// exp(entropy of the normalised singular values) of unit rows (RankMe, Garrido et al. 2023),
/// between 1 and min(N, d). At most 512 rows are looked at.
double effective_rank(const at::Tensor& embeddings);

}  // namespace nearfar
