// Texts between ranks: decisions of one rank, and what every rank has to say.
#pragma once

#include <string>
#include <vector>

#include "distributed/group.h"

namespace nearfar {

/// The root's text for everybody. A collective.
std::string broadcast_text(Group& group, const std::string& mine, int root = 0);

/// The texts of all ranks in rank order. A collective.
std::vector<std::string> gather_texts(Group& group, const std::string& mine);

}  // namespace nearfar
