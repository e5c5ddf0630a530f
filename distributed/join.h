// Joins the ranks of a run: from a placement to a group.
#pragma once

#include <chrono>
#include <memory>

#include "distributed/group.h"
#include "distributed/placement.h"

namespace nearfar {

struct JoinOptions {
  std::chrono::milliseconds deadline = std::chrono::minutes(10);  // to meet, and of collectives
  at::Device device = at::kCPU;  // CPU: Gloo; CUDA: NCCL out of libnearfar_cuda.so
};

/// The group of all ranks of a placement; a SoloGroup for one rank alone. Returns when all ranks
/// are there. Throws PeerError naming the ranks that did not come.
std::unique_ptr<Group> join(const Placement& placement, const JoinOptions& options);

}  // namespace nearfar
