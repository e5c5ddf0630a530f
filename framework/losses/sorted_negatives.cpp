// Sorting and running sums.
#include "framework/losses/sorted_negatives.h"

#include <torch/types.h>

#include <limits>

namespace nearfar {

SortedNegatives::SortedNegatives(const at::Tensor& distance_nN, const at::Tensor& negatives_nN) {
  // Those that are no negatives come last.
  constexpr double kLast = std::numeric_limits<double>::infinity();
  std::tie(sorted_nN_, column_nN_) = distance_nN.masked_fill(~negatives_nN, kLast).sort(1);
  count_n1_ = negatives_nN.sum(1, /*keepdim=*/true);
  // In float64: differences of sums over a batch would lose float32's last digits.
  const at::Tensor finite_nN = sorted_nN_.masked_fill(sorted_nN_.isinf(), 0.0).to(at::kDouble);
  running_nM_ = at::constant_pad_nd(finite_nN.cumsum(1), {1, 0});
}

at::Tensor SortedNegatives::count_below(const at::Tensor& threshold_nN) const {
  return at::searchsorted(sorted_nN_.detach(), threshold_nN.contiguous());
}

at::Tensor SortedNegatives::count_at_most(const at::Tensor& threshold_nN) const {
  return at::searchsorted(sorted_nN_.detach(), threshold_nN.contiguous(), /*out_int32=*/false,
                          /*right=*/true);
}

at::Tensor SortedNegatives::sum_until(const at::Tensor& count_nN) const {
  return running_nM_.gather(1, count_nN);
}

at::Tensor SortedNegatives::distance_at(const at::Tensor& place_nN) const {
  return sorted_nN_.gather(1, place_nN);
}

at::Tensor SortedNegatives::column_at(const at::Tensor& place_nN) const {
  return column_nN_.gather(1, place_nN);
}

}  // namespace nearfar
