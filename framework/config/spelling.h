// Which known name the user probably meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nearfar {

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, no place
/// edited twice (optimal string alignment, Damerau 1964).
int edit_distance(std::string_view a, std::string_view b);

/// The known dotted key nearest to `key`: a like name in the same group first, then the whole key,
/// then the same name in another group; "" when none is near.
std::string nearest_key(std::string_view key, const std::vector<std::string>& known);

/// "; did you mean "NAME"?", or "" for an empty name.
std::string did_you_mean(const std::string& name);

}  // namespace nearfar
