// More ranks than processes: each process hosts several, as threads.
#pragma once

#include <functional>

#include "distributed/group.h"

namespace nearfar {

/// Runs `body` once for each of `ranks` ranks and returns when those of this process have ended.
/// Process p of P hosts ranks [p ranks / P, (p + 1) ranks / P), each on a thread of its own. Sums
/// are taken over ranks in a fixed tree: results do not depend on the number of processes, to the
/// bit. Threads of the numerics are those of the calling thread, for every rank.
///
/// Nothing can wait for ever: a rank that throws or returns releases those that wait for it, here
/// and (through Group::report_failure) in the other processes. Rethrows what went wrong first.
/// Throws std::invalid_argument unless `ranks` is a multiple of processes.size().
void run_hosted_ranks(Group& processes, int ranks, const std::function<void(Group&)>& body);

}  // namespace nearfar
