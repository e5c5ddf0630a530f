// What a rank throws when it cannot go on because of another rank.
#pragma once

#include <stdexcept>
#include <string>

namespace nearfar {

/// "rank 0 of 2: all_sum of step 12: rank 1 ...": this rank, the collective, the step, and what is
/// known of the rank that is missing, has failed, or asks for something else.
struct PeerError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace nearfar
