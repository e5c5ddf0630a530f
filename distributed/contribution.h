// What a rank brings to a collective, and whether what several bring fits together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

struct Contribution {
  std::string collective;
  at::Tensor tensor;
  std::vector<int64_t> rows;
  int root = 0;
};

/// Throws std::invalid_argument naming rank, collective, expected and got unless the contributions,
/// those of ranks first, first + 1, ... out of `ranks`, fit together.
void check_together(const std::vector<Contribution>& contributions, int first, int ranks);

/// What all ranks have to agree on, in words: equal for contributions that fit together.
std::string terms_of(const Contribution& contribution);

/// Sums pairs of neighbours, then pairs of those, and so on; one that has no neighbour waits for
/// the next round. The tree depends on the number of terms alone, and an aligned block of 2^k terms
/// is a node of it. Overwrites terms where told that nobody needs them; otherwise the result is a
/// term itself only where there is one.
at::Tensor sum_in_tree(std::vector<at::Tensor> terms, bool may_overwrite);

}  // namespace nearfar
