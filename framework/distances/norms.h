// Distances that are norms of the difference, and Mahalanobis'.
#pragma once

#include <torch/nn/module.h>

#include "framework/distances/distance.h"

namespace nearfar {

/// (sum_i |x_i - y_i|^p)^(1/p), p in [1, inf].
class LpDistance final : public Distance {
 public:
  explicit LpDistance(double p) : p_(p) {}

 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;

 private:
  double p_;
};

/// |x - y|^2, from the difference and not from squares that cancel.
class SquaredEuclideanDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// sqrt((x - y)^T M (x - y)) with M = L^T L (Mahalanobis 1936), which any factor L [r, d] keeps
/// positive semidefinite; gradients reach L.
class MahalanobisDistance final : public Distance {
 public:
  explicit MahalanobisDistance(at::Tensor factor);

 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;

 private:
  at::Tensor factor_;
};

/// A Mahalanobis distance that is learned: its parameter "factor" [r, d] starts as the identity (r
/// = d), or as its first r rows: Euclidean distance over r dimensions.
class LearnedMahalanobis : public torch::nn::Module {
 public:
  LearnedMahalanobis(int64_t rank, int64_t width);
  MahalanobisDistance distance() const { return MahalanobisDistance(factor_); }

 private:
  at::Tensor factor_;
};

/// The covariance [d, d] of rows [n, d] (biased), moved towards mean variance times identity:
/// (1 - shrinkage) S + shrinkage tr(S) / d I. A negative shrinkage means Ledoit and Wolf's (2004, A
/// well-conditioned estimator for large-dimensional covariance matrices), which is best in
/// expectation.
at::Tensor shrunk_covariance(const at::Tensor& rows, double shrinkage);

/// The factor L [d, d] of M = covariance^-1, lower triangular. Throws c10::Error where the
/// covariance is singular: more shrinkage mends it.
at::Tensor mahalanobis_factor(const at::Tensor& covariance);

}  // namespace nearfar
