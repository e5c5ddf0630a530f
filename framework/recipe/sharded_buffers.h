// Modules whose buffers lie in pieces on the ranks.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nearfar {

/// What a module of a recipe is, too, when ranks hold different rows of one of its buffers: such a
/// buffer is not compared over ranks, and a checkpoint holds it whole, for any number of ranks to
/// go on from.
class ShardedBuffers {
 public:
  virtual ~ShardedBuffers() = default;
  /// Buffers by the names that this module registered them under, and how many rows all ranks
  /// have together; each rank has those of its shard() of them. None: all ranks hold the same.
  virtual std::vector<std::pair<std::string, int64_t>> sharded_buffers() const = 0;
};

}  // namespace nearfar
