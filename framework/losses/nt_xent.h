// NT-Xent, the loss of SimCLR, over the rows of all ranks.
#pragma once

#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// SimCLR equation 1 (Chen et al. 2020) in log-sum-exp form. z1, z2 [n, d] are this rank's rows
/// (`shard`) of the global batch, not normalised: rows are normalised inside. Each of the 2n local
/// anchors meets the 2N - 1 other rows of all ranks, gathered with gradient; logits are cosine /
/// temperature. Returns the mean over local anchors times W n / N: the mean over ranks of it is the
/// loss of the concatenated batch, and averaging gradients over ranks gives its gradient. float32
/// or float64.
at::Tensor nt_xent(Group& group, const at::Tensor& z1, const at::Tensor& z2, double temperature,
                   const Shard& shard);

/// The same for pieces of any sizes, rows[r] on rank r; they need not be those of shard().
at::Tensor nt_xent_over_rows(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             double temperature, const std::vector<int64_t>& rows);

/// ln(2 N - 1): NT-Xent of embeddings that carry no information.
double nt_xent_random_guess(int64_t global_batch);

}  // namespace nearfar
