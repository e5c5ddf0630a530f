// Reductions over chosen entries of a row.
#pragma once

#include <torch/types.h>

#include <limits>

namespace nearfar {

/// log of the sum of exp over the entries of each row that are chosen: [n, N] -> [n]; -inf where
/// none is. Its gradient at entries that are not chosen is 0.
inline at::Tensor masked_logsumexp(const at::Tensor& values_nN, const at::Tensor& chosen_nN) {
  return values_nN.masked_fill(~chosen_nN, -std::numeric_limits<double>::infinity()).logsumexp(1);
}

}  // namespace nearfar
