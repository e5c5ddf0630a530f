// NT-Xent, the loss of SimCLR, over the rows of all ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// SimCLR equation 1 (Chen et al. 2020) in log-sum-exp form. z1, z2 [n, d] are this rank's rows
/// (`shard`) of the global batch, not normalised: rows are normalised inside. Each of the 2n local
/// anchors meets the 2N - 1 other rows of all ranks; logits are cosine / temperature. Returns the
/// mean over local anchors times W n / N: the mean over ranks of it is the loss of the concatenated
/// batch, and averaging gradients over ranks gives its gradient. float32 or float64; bfloat16 is
/// computed in float32.
///
/// `weight`, one for all or one for each local sample ([n]), multiplies the loss of both anchors of
/// a sample. The result itself must be differentiated as it is, with no factor after it: gradients
/// hold terms of other ranks' anchors, whose weights travel in the forward, and no collective runs
/// in backward (known_gradient.h, Factor::given_before).
///
/// Similarities are computed tile by tile, twice: memory beyond inputs and gradients is a few
/// tensors of the keys' size [2N, d] and a tile a thread. On one rank two units of matrix products
/// in all, a unit being 2 (2N)^2 d operations. Collectives: the rows, and two numbers an anchor.
at::Tensor nt_xent(Group& group, const at::Tensor& z1, const at::Tensor& z2, double temperature,
                   const Shard& shard, const at::Tensor& weight = {});

/// The same for pieces of any sizes, rows[r] on rank r; they need not be those of shard().
at::Tensor nt_xent_over_rows(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             double temperature, const std::vector<int64_t>& rows,
                             const at::Tensor& weight = {});

/// ln(2 N - 1): NT-Xent of embeddings that carry no information.
double nt_xent_random_guess(int64_t global_batch);

}  // namespace nearfar
