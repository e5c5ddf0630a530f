// The losses of MoCo: queries against keys that carry no gradient, of a queue or of all ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// Keys of earlier batches, or any other bank of rows to be told from.
struct Negatives {
  at::Tensor rows;   // [K, d] unit rows, floating point (bfloat16 too); none: K is 0
  at::Tensor index;  // [K] int64, which image each shows, negative: unknown; undefined: not asked
  /// Each rank holds rows of its own, and all of them together are the negatives of everybody;
  /// otherwise every rank holds all of them.
  bool sharded = false;
};

/// InfoNCE over 1 + K (He et al. 2019, algorithm 1): each query against its key and the negatives.
/// query, key [n, d] are this rank's rows (`shard`) of the global batch, normalised inside; float32
/// or float64, bfloat16 is computed in float32. `index` [n] int64 says which image each query
/// shows: negatives that show the same are left out. Key and negatives carry no gradient. Returns
/// the mean over local queries times W n / N: the mean over ranks is the loss of the global batch.
///
/// One pass over the negatives gives the loss and its gradient: two units of 2 N K d operations, no
/// copy of the negatives, memory of a tile and a [n, d] tensor a thread. Sharded, the queries of
/// all ranks, their log-sums and means are exchanged, in the forward alone.
at::Tensor moco_loss(Group& group, const at::Tensor& query, const at::Tensor& key,
                     const Negatives& negatives, double temperature, const Shard& shard,
                     const at::Tensor& index = {});

/// ln(1 + K): MoCo's loss of embeddings that carry no information; K is as many negatives as there
/// are, which is fewer than the queue is long until it has filled.
double moco_random_guess(int64_t negatives);

/// MoCo v3 (Chen, Xie and He 2021, algorithm 1): ctr(q1, k2) + ctr(q2, k1) with ctr(q, k) = 2 T
/// cross entropy of q k^T / T against the diagonal, keys of all ranks. q1, q2 are predictions, k1,
/// k2 the momentum encoder's, which carry no gradient; [n, d] each, normalised inside. Returns the
/// mean over local rows times W n / N.
at::Tensor moco_v3_loss(Group& group, const at::Tensor& q1, const at::Tensor& q2,
                        const at::Tensor& k1, const at::Tensor& k2, double temperature,
                        const Shard& shard);

/// 4 T ln N: MoCo v3's loss of embeddings that carry no information.
double moco_v3_random_guess(int64_t global_batch, double temperature);

}  // namespace nearfar
