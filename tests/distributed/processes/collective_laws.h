// What every group's collectives must give, in every type, against numbers that any rank knows.
#pragma once

#include "distributed/group.h"

namespace nearfar {

/// Throws std::logic_error saying what does not hold. A collective.
void check_every_collective(Group& group);

/// Throws std::logic_error naming `what` unless it holds.
void require(bool holds, const std::string& what);

}  // namespace nearfar
