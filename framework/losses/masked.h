// Choosing entries of a row, and reducing over them.
#pragma once

#include <torch/types.h>

#include <limits>

namespace nearfar {

/// log of the sum of exp over the entries of each row that are chosen: [n, N] -> [n]; -inf where
/// none is. Its gradient at entries that are not chosen is 0.
inline at::Tensor masked_logsumexp(const at::Tensor& values_nN, const at::Tensor& chosen_nN) {
  return values_nN.masked_fill(~chosen_nN, -std::numeric_limits<double>::infinity()).logsumexp(1);
}

/// [n, N] bool, all true but where row i meets column begin + i: itself.
inline at::Tensor all_but_itself(const at::Tensor& values_nN, int64_t begin) {
  const at::Tensor others_nN = at::ones_like(values_nN, at::kBool);
  others_nN.diagonal(begin).fill_(false);
  return others_nN;
}

}  // namespace nearfar
