// InfoNCE between two batches, with the other samples of all ranks as negatives.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// Who is told apart from whom.
enum class Directions {
  query_to_key,  // every query against the keys of all samples
  both,          // the mean of that and of every key against all queries (CLIP)
};

/// Cross entropy of the diagonal of cosine(query_i, key_k) / temperature (van den Oord et al. 2018;
/// both directions: Radford et al. 2021). query, key [n, d] are this rank's rows (`shard`) of the
/// global batch, normalised inside, both with gradient; positives are rows of one number. Returns
/// the mean over local rows times W n / N, as nt_xent does, with its types, weights and rule about
/// factors. Memory is a few tensors of [N, d] and a tile a thread.
at::Tensor info_nce(Group& group, const at::Tensor& query, const at::Tensor& key,
                    double temperature, const Shard& shard,
                    Directions directions = Directions::query_to_key,
                    const at::Tensor& weight = {});

/// ln N: InfoNCE of embeddings that carry no information.
double info_nce_random_guess(int64_t global_batch);

}  // namespace nearfar
