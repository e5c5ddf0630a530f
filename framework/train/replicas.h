// Ranks hold the same state, to the bit: made so at the start, and looked at again.
#pragma once

#include "distributed/group.h"
#include "framework/checkpoint/tensors.h"

namespace nearfar {

/// Overwrites every tensor with that of rank 0. A collective; tensors may have any strides.
void broadcast_state(Group& group, const NamedTensors& state);

/// Throws EnvironmentError on every rank when one holds other bits, naming the first tensor that
/// differs and the ranks ("step" finished steps are behind it). What all ranks compute alike has
/// come out differently there, and no setting mends that: memory or a processor that errs, another
/// library, or a recipe that moves its state by what one rank alone sees.
///
/// Compares hashes (XXH3) of names, types, shapes and bytes: 16 bytes a rank when all is well, one
/// hash a tensor otherwise. Waits for the device. A collective.
void check_replicas(Group& group, const NamedTensors& state, int64_t step);

}  // namespace nearfar
