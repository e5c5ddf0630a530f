// Groups of rows that share BatchNorm statistics.
#include "framework/encoders/norm_groups.h"

#include <algorithm>

namespace nearfar {
namespace {

bool is_group_end(int64_t row, int64_t rows, int64_t total) {
  return row == total || row % rows == 0;
}

}  // namespace

int64_t norm_group_rows(int64_t norm_batch, int64_t total) {
  return norm_batch == 0 ? total : std::min(norm_batch, total);
}

int64_t smallest_norm_group(int64_t norm_batch, int64_t total) {
  const int64_t rows = norm_group_rows(norm_batch, total);
  return total % rows == 0 ? rows : total % rows;
}

std::vector<NormGroup> groups_of_piece(int64_t norm_batch, const Shard& piece) {
  const int64_t rows = norm_group_rows(norm_batch, piece.total);
  std::vector<NormGroup> groups;
  for (int64_t row = piece.begin; row < piece.end;) {
    const int64_t index = row / rows;
    const int64_t end = std::min((index + 1) * rows, piece.end);
    groups.push_back({index, row - piece.begin, end - row});
    row = end;
  }
  return groups;
}

bool holds_whole_groups(int64_t norm_batch, const Shard& piece) {
  const int64_t rows = norm_group_rows(norm_batch, piece.total);
  return is_group_end(piece.begin, rows, piece.total) && is_group_end(piece.end, rows, piece.total);
}

bool groups_stay_on_ranks(int64_t norm_batch, int64_t total, int ranks) {
  for (int rank = 0; rank < ranks; ++rank) {
    if (!holds_whole_groups(norm_batch, shard(total, ranks, rank))) return false;
  }
  return true;
}

}  // namespace nearfar
