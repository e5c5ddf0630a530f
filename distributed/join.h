// Joins the ranks of a run: from a placement to a group.
#pragma once

#include <chrono>
#include <memory>

#include "distributed/backend.h"
#include "distributed/group.h"
#include "distributed/placement.h"
#include "distributed/store.h"

namespace nearfar {

struct JoinOptions {
  std::chrono::milliseconds deadline = std::chrono::minutes(10);  // to meet, and of collectives
  at::Device device = at::kCPU;               // CPU: Gloo; CUDA: what make_device_backend makes
  MakeBackend make_device_backend = nullptr;  // of libnearfar_cuda.so, from whoever opened it
};

/// The ranks of a run as this process sees them.
struct Ranks {
  Placement placement;
  /// Seen by all ranks; where who started them serves it, it outlives restarts. Null: one rank
  /// alone.
  std::unique_ptr<Store> store;
  std::unique_ptr<Group> group;
};

/// The group of all ranks of a placement; a SoloGroup for one rank alone. Returns when all ranks
/// are there. Throws PeerError naming the ranks that did not come.
Ranks join(const Placement& placement, const JoinOptions& options);

}  // namespace nearfar
