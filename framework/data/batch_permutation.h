// The order of shuffled views within a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nearfar {

/// A permutation of the rows of a global batch of `total`: a pure function of seed, epoch and the
/// item of the batch's first row, which no other batch of the epoch begins with. Ranks and workers
/// have no say in it, and a batch that is loaded alone has it too.
std::vector<int64_t> batch_permutation(uint64_t seed, int64_t epoch, int64_t first_item,
                                       int64_t total);

}  // namespace nearfar
