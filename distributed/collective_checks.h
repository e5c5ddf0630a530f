// What a collective is asked for: refused where it cannot be right, in words where it is reported.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "distributed/group.h"

namespace nearfar {

/// Whose rows a tensor holds.
enum class RowsOf { this_rank, all_ranks };

/// "Float [7, 3] in pieces of 4, 3", the same on all ranks that ask for the same. Throws
/// std::invalid_argument naming rank, collective, expected and got.
std::string describe_rows(const Group& group, const char* collective, const at::Tensor& tensor,
                          const std::vector<int64_t>& rows, RowsOf whose);

/// "Float [3]", with the same checks.
std::string describe(const Group& group, const char* collective, const at::Tensor& tensor);

/// Throws std::invalid_argument when a transport cannot add such numbers.
void check_summable(const Group& group, const char* collective, const at::Tensor& tensor);

/// Throws std::invalid_argument unless 0 <= root < size.
void check_root(const Group& group, int root);

/// A number that texts which differ do not share.
int64_t fingerprint(const std::string& text);

}  // namespace nearfar
