// Divergences between the distributions that embeddings parametrise.
#pragma once

#include "framework/distances/distance.h"

namespace nearfar {

/// Between softmaxes of the rows, in the log domain: no logarithm of an underflow.
class KullbackLeiblerDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// Kullback-Leibler both ways, summed.
class JeffreysDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// Between Gaussians of diagonal covariance. A row [2 d] is d means, then d logarithms of
/// variances. Pairs are computed in float64 by matrix products, so that nothing of n m d is held.
class GaussianKlDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

}  // namespace nearfar
