// The collectives of a group over backends of c10d.
#pragma once

#include <memory>
#include <string>

#include "distributed/diagnosis.h"
#include "distributed/group.h"
#include "distributed/join.h"

namespace nearfar {

/// The group of ranks that have met in `store`, which connect_store or serve_store made. `address`
/// is that of this host as the other ranks reach it. Returns when all are connected.
std::unique_ptr<Group> make_c10d_group(Store& store, const Board& board, bool serves_store,
                                       const std::string& address, const JoinOptions& options);

}  // namespace nearfar
