// The short forms in which SLURM writes hosts and counts.
#pragma once

#include <string>
#include <vector>

namespace nearfar {

/// "a[01,03-05],b7" is a01, a03, a04, a05, b7: zeros are kept, and text may follow a bracket
/// (a[1-2]-ib). Throws std::invalid_argument for what is no such list, or names more than 65,536.
std::vector<std::string> expand_host_list(const std::string& text);

/// "2(x3),1" is 2, 2, 2, 1. Throws std::invalid_argument.
std::vector<int> expand_counts(const std::string& text);

/// A number of decimal digits only. Throws std::invalid_argument.
int parse_whole(const std::string& text);

}  // namespace nearfar
