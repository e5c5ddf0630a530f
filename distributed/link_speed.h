// How fast the collectives of a group are, measured.
#pragma once

#include <cstdint>

#include "distributed/group.h"

namespace nearfar {

/// What rank 0 measured.
struct LinkSpeed {
  double latency_seconds = 0.0;  // median time of a sum of one number
  int64_t bytes = 0;             // of the sum and of the gather below
  double sum_seconds = 0.0;      // the fastest of a few
  double gather_seconds = 0.0;
  double sum_bytes_per_second = 0.0;  // that each rank sends meanwhile: bytes_sent() / time
  double gather_bytes_per_second = 0.0;
};

/// Measures sums and gathers, of 64 MiB where links are fast and of less where that would take more
/// than about a second. A collective: all ranks get what rank 0 measured.
LinkSpeed measure_links(Group& group);

}  // namespace nearfar
