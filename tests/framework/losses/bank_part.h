// A rank's part of a memory bank, for the tests of losses against one.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/memory_bank.h"

namespace nearfar {

/// Of a bank [K, d] that is sharded over the group, or whole on each rank.
inline MemoryBank part_of(const at::Tensor& rows, const Group& group, bool sharded) {
  const Shard place = sharded ? shard(rows.size(0), group.size(), group.rank())
                              : Shard{0, rows.size(0), rows.size(0)};
  return {rows.slice(0, place.begin, place.end).contiguous(), place, sharded};
}

}  // namespace nearfar
