// Norms of differences.
#include "framework/distances/norms.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace nearfar {
namespace {

/// From differences: |x|^2 - 2 x y + |y|^2 would lose all digits of small distances.
constexpr int64_t kFromDifferences = 2;

at::Tensor differences_norm(const at::Tensor& x, const at::Tensor& y, double p) {
  return at::cdist(x, y, p, kFromDifferences);
}

/// Where high powers of the components stay in range: (1e4)^30 is beyond float32.
at::ScalarType type_for_powers(at::ScalarType type, double p) {
  return p == 1.0 || p == 2.0 || std::isinf(p) ? type : at::kDouble;
}

/// Ledoit and Wolf's shrinkage: how far the rows' outer products scatter, against how far S is from
/// a multiple of the identity.
double best_shrinkage(const at::Tensor& centred_nd, const at::Tensor& covariance_dd) {
  const double n = static_cast<double>(centred_nd.size(0));
  const at::Tensor squares_nd = centred_nd.square();
  const double scatter =
      (squares_nd.t().matmul(squares_nd).sum() / n - covariance_dd.square().sum()).item<double>() /
      n;
  const at::Tensor mean_variance = covariance_dd.diagonal().mean();
  const at::Tensor apart = covariance_dd - at::diag(mean_variance.expand({covariance_dd.size(0)}));
  const double dispersion = apart.square().sum().item<double>();
  return dispersion == 0.0 ? 0.0 : std::clamp(scatter / dispersion, 0.0, 1.0);
}

}  // namespace

at::Tensor LpDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  const at::ScalarType type = type_for_powers(x.scalar_type(), p_);
  return differences_norm(x.to(type), y.to(type), p_).to(x.scalar_type());
}

at::Tensor LpDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  const at::Tensor apart = (x - y).to(type_for_powers(x.scalar_type(), p_));
  return at::linalg_vector_norm(apart, p_, at::IntArrayRef{1}).to(x.scalar_type());
}

at::Tensor SquaredEuclideanDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return differences_norm(x, y, 2.0).square();
}

at::Tensor SquaredEuclideanDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return (x - y).square().sum(1);
}

MahalanobisDistance::MahalanobisDistance(at::Tensor factor) : factor_(std::move(factor)) {
  TORCH_CHECK(factor_.dim() == 2, "mahalanobis: expected a factor [r, d], got ", factor_.sizes());
}

at::Tensor MahalanobisDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  const at::Tensor across = factor_.to(x.scalar_type()).t();
  return differences_norm(x.matmul(across), y.matmul(across), 2.0);
}

at::Tensor MahalanobisDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return at::linalg_vector_norm((x - y).matmul(factor_.to(x.scalar_type()).t()), 2.0,
                                at::IntArrayRef{1});
}

LearnedMahalanobis::LearnedMahalanobis(int64_t rank, int64_t width) {
  factor_ = register_parameter("factor", at::eye(rank, width));
}

at::Tensor shrunk_covariance(const at::Tensor& rows, double shrinkage) {
  TORCH_CHECK(rows.dim() == 2 && rows.size(0) > 0 && rows.is_floating_point() && shrinkage <= 1.0,
              "shrunk_covariance: expected rows [n, d], n > 0, and a shrinkage of at most 1, got ",
              rows.sizes(), " and ", shrinkage);
  const at::Tensor centred_nd = rows - rows.mean(0, /*keepdim=*/true);
  const at::Tensor covariance_dd =
      centred_nd.t().matmul(centred_nd) / static_cast<double>(rows.size(0));
  const double share = shrinkage < 0.0 ? best_shrinkage(centred_nd, covariance_dd) : shrinkage;
  const at::Tensor mean_variance = covariance_dd.diagonal().mean();
  return covariance_dd * (1.0 - share) +
         at::diag((mean_variance * share).expand({covariance_dd.size(0)}));
}

at::Tensor mahalanobis_factor(const at::Tensor& covariance) {
  // C = G G^T with G lower; C^-1 = G^-T G^-1 = L^T L with L = G^-1.
  const auto [lower, info] = at::linalg_cholesky_ex(covariance);
  TORCH_CHECK(info.item<int64_t>() == 0,
              "mahalanobis: the covariance is singular: expected more rows than dimensions, or "
              "shrinkage above 0");
  const at::Tensor identity = at::eye(covariance.size(0), covariance.options());
  return at::linalg_solve_triangular(lower, identity, /*upper=*/false);
}

}  // namespace nearfar
