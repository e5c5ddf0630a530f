// Which rows of a global batch belong to a rank: a pure function, so nobody exchanges sizes.
#pragma once

#include <cstdint>

namespace nearfar {

/// Rows [begin, end) of `total`.
struct Shard {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t total = 0;
  int64_t size() const { return end - begin; }
  bool operator==(const Shard&) const = default;
};

/// The contiguous piece of `rank`: pieces differ by at most one row, the first ones are the larger.
/// Throws std::invalid_argument unless 0 <= rank < ranks and total >= 0.
Shard shard(int64_t total, int ranks, int rank);

}  // namespace nearfar
