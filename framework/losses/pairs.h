// Pairs of embeddings over ranks: what every loss over them checks and converts first.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// Two embeddings a sample, [n, d] each, and whose rows they are.
struct Pairs {
  at::Tensor first, second;   // float32 or float64; bfloat16 was widened
  std::vector<int64_t> rows;  // of every rank
  int64_t begin = 0;          // of this rank's rows among all
  int64_t total = 0;          // rows of all ranks
  double scale = 1.0;         // 1 / temperature

  int64_t count() const { return first.size(0); }
};

/// Throws c10::Error that begins with the loss's name unless both have one shape [n, d] and one
/// type (float32, float64 or bfloat16), n is what `rows` announces for this rank, and the
/// temperature is above 0.
Pairs make_pairs(const char* name, const Group& group, const at::Tensor& first,
                 const at::Tensor& second, double temperature, const std::vector<int64_t>& rows);

/// Rows of every rank, `own` being this rank's. Throws c10::Error unless it is its shard().
std::vector<int64_t> rows_of_shards(const char* name, const Group& group, const Shard& own);

/// Ranks / total: what a term of one row counts, so that the mean over ranks of the sums of their
/// rows is the mean over the global batch.
double share_of_row(const Group& group, int64_t total);

/// What each sample's loss counts, so that the mean over ranks of the weighted sums is a mean over
/// the global batch: [n] float64, share_of_row(), times `weight` (0-d or [n]; undefined: 1).
at::Tensor sample_weights(const char* name, const Group& group, const Pairs& pairs,
                          const at::Tensor& weight);

/// Rows of all ranks but this one's, as up to two pieces: [begin, begin + count) of all rows.
struct Piece {
  int64_t begin, count;
};
std::vector<Piece> pieces_of_others(const Pairs& pairs);

}  // namespace nearfar
