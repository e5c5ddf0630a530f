// The order in which people expect file names: img2 before img10.
#pragma once

#include <string_view>

namespace nearfar {

/// A strict total order of relative paths: part by part between slashes; runs of digits compare as
/// numbers, everything else by bytes; names that differ only in leading zeros by bytes.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace nearfar
