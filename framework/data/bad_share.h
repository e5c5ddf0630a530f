// How many unreadable images are bearable.
#pragma once

#include <cstdint>
#include <string>

namespace nearfar {

/// Throws DataError where `bad` of `size` images are more than the share `most`
/// (data.max_bad_fraction); `first` says which one and why.
void require_few_bad(int64_t bad, int64_t size, double most, const std::string& first);

}  // namespace nearfar
