// The leaves of a nested JSON object with their dotted keys.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "framework/json/json.h"

namespace nearfar {

/// Dotted keys and values of `object`, which must outlive them, in order. An empty inner object is
/// a leaf: whoever knows the groups can refuse it where there is no such group.
std::vector<std::pair<std::string, const Json*>> leaves_of(const Json& object);

}  // namespace nearfar
