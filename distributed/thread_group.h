// Ranks as threads of one process: the whole of distributed training on one machine, for tests.
#pragma once

#include <functional>

#include "distributed/group.h"

namespace nearfar {

/// Runs `body` once per rank, each on a thread of its own, and returns when all have ended:
/// run_hosted_ranks() of one process. Results are deterministic and the same on all ranks to the
/// bit.
///
/// Nothing can wait for ever. A rank that throws or returns releases those that wait for it in a
/// collective: they throw PeerError naming the rank and the collective. Ranks that meet in
/// different collectives, or with shapes, dtypes, rows or roots that do not fit together, all throw
/// std::invalid_argument naming rank, collective, expected and got. run_ranks rethrows what went
/// wrong first. Throws std::invalid_argument when ranks < 1.
void run_ranks(int ranks, const std::function<void(Group&)>& body);

}  // namespace nearfar
