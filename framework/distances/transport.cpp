// Transport on the line in closed form.
#include "framework/distances/transport.h"

#include <torch/types.h>

namespace nearfar {
namespace {

at::Tensor sorted(const at::Tensor& rows) { return std::get<0>(rows.sort(1)); }

/// Without the last sum, which is 1 for everybody.
at::Tensor cumulative_softmax(const at::Tensor& rows) {
  const at::Tensor sums = rows.softmax(1).cumsum(1);
  return sums.narrow(1, 0, sums.size(1) - 1);
}

at::Tensor sum_of_differences(const at::Tensor& x, const at::Tensor& y) {
  return (x - y).abs().sum(1);
}

}  // namespace

at::Tensor SortedTransportDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return at::cdist(sorted(x), sorted(y), 1.0) / static_cast<double>(x.size(1));
}

at::Tensor SortedTransportDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return sum_of_differences(sorted(x), sorted(y)) / static_cast<double>(x.size(1));
}

at::Tensor HistogramTransportDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return at::cdist(cumulative_softmax(x), cumulative_softmax(y), 1.0);
}

at::Tensor HistogramTransportDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return sum_of_differences(cumulative_softmax(x), cumulative_softmax(y));
}

}  // namespace nearfar
