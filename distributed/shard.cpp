// Shards of a global batch.
#include "distributed/shard.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace nearfar {

Shard shard(int64_t total, int ranks, int rank) {
  if (total < 0 || ranks < 1 || rank < 0 || rank >= ranks) {
    throw std::invalid_argument("shard: expected total >= 0 and 0 <= rank < ranks, got total " +
                                std::to_string(total) + ", rank " + std::to_string(rank) + " of " +
                                std::to_string(ranks));
  }
  const int64_t rows = total / ranks;
  const int64_t larger = total % ranks;
  const int64_t begin = rank * rows + std::min<int64_t>(rank, larger);
  return {begin, begin + rows + (rank < larger ? 1 : 0), total};
}

}  // namespace nearfar
