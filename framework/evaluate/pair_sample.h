// Pairs of images of the same class and of different classes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "framework/evaluate/cosines.h"

namespace nearfar {

/// Pairs of positions, first < second in the order of the classes, none twice.
struct PairSample {
  std::vector<Pair> positives;  // of one class
  std::vector<Pair> negatives;  // of two classes
  int64_t all_positives = 0;    // that exist
  int64_t all_negatives = 0;
};

/// Of each kind all pairs, or `most` of them drawn by the seed, each set of that size as likely as
/// any other. label [N] int64; a pure function of its arguments.
PairSample sample_pairs(const at::Tensor& label, int64_t most, uint64_t seed);

}  // namespace nearfar
