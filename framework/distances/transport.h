// Distances between distributions on the line by what it costs to carry one to the other.
#pragma once

#include "framework/distances/distance.h"

namespace nearfar {

/// The components of a row as an empirical distribution on the line: Wasserstein-1 by sorting.
class SortedTransportDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// softmax of a row as a histogram over d bins that are 1 apart: Wasserstein-1 by cumulative sums.
class HistogramTransportDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

}  // namespace nearfar
