// Streams of Purpose::evaluation: one seed must not draw the same numbers for different ends.
#pragma once

#include <cstdint>

#include "augment/random.h"

namespace nearfar {

enum class EvaluationStream : uint8_t {
  labelled = 0,    // labelled subsets
  folding = 1,     // held-out parts
  sampling = 2,    // samples of images
  centers = 3,     // first centres of k-means
  positives = 4,   // pairs of one class
  negatives = 5,   // pairs of two classes
  pair_folds = 6,  // parts of the pairs
  resampling = 7,  // bootstrap
  roles = 8,       // classes of the open-set protocol
  enrolment = 9,   // images that are enrolled
};

/// The stream of one end; `item` tells its parts apart (the class, the restart, the replicate).
inline Random evaluation_random(uint64_t seed, int64_t item, EvaluationStream stream) {
  return {seed, 0, static_cast<uint64_t>(item), Purpose::evaluation, static_cast<uint8_t>(stream)};
}

}  // namespace nearfar
