// A recipe's buffers that lie in pieces on the ranks: told from the others, put together for a
// checkpoint, and cut again.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "distributed/group.h"
#include "framework/checkpoint/tensors.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

/// The rows that all ranks have together of each buffer in pieces, by its dotted name.
using ShardedRows = std::map<std::string, int64_t>;

/// What the recipe's modules say (ShardedBuffers). Throws c10::Error where a buffer is unknown or
/// this rank does not hold its shard() of the rows.
ShardedRows sharded_rows(Recipe& recipe, const Group& group);

/// The tensors that all ranks hold alike.
NamedTensors replicated(const NamedTensors& state, const ShardedRows& sharded);

/// The state with whole tensors, in host memory, where ranks hold pieces; on ranks other than 0 the
/// pieces stay. A collective where there are pieces; a few MiB at a time travel.
NamedTensors put_together(Group& group, const NamedTensors& state, const ShardedRows& sharded);

/// Leaves this rank's rows of whole tensors in a file that was written for any number of ranks.
/// Throws CheckpointError where a tensor has other rows than the buffer.
void cut_to_pieces(SafetensorsFile& file, const ShardedRows& sharded, const Group& group);

}  // namespace nearfar
