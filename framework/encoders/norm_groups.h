// Which rows share BatchNorm statistics: pure functions of the batch, the piece and the ranks.
#pragma once

#include <cstdint>
#include <vector>

#include "distributed/shard.h"

namespace nearfar {

/// Rows of one group: norm_batch, or all `total` where norm_batch is 0 or larger than that.
int64_t norm_group_rows(int64_t norm_batch, int64_t total);

/// Rows of the smallest group of the batch: the last one. Precondition: total > 0.
int64_t smallest_norm_group(int64_t norm_batch, int64_t total);

/// The part of one group that lies in a piece.
struct NormGroup {
  int64_t index = 0;  // of the group in the global batch
  int64_t begin = 0;  // first row, counted in the piece
  int64_t rows = 0;
  bool operator==(const NormGroup&) const = default;
};

/// The groups that a piece touches, in order.
std::vector<NormGroup> groups_of_piece(int64_t norm_batch, const Shard& piece);

/// Whether the piece is made of whole groups.
bool holds_whole_groups(int64_t norm_batch, const Shard& piece);

/// Whether no group spans two ranks. The same answer on every rank: it decides who takes part in
/// exchanges.
bool groups_stay_on_ranks(int64_t norm_batch, int64_t total, int ranks);

}  // namespace nearfar
