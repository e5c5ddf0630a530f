// Directions and inner products.
#include "framework/distances/angles.h"

#include <torch/types.h>

#include <numbers>

#include "framework/distances/norms.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

at::Tensor angle_over_pi(const at::Tensor& apart, const at::Tensor& together) {
  return at::atan2(apart, together) * (2.0 / std::numbers::pi);
}

}  // namespace

at::Tensor InnerProductDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return -x.matmul(y.t());
}

at::Tensor InnerProductDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return -(x * y).sum(1);
}

at::Tensor CosineDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return 1.0 - normalized_rows(x).matmul(normalized_rows(y).t());
}

at::Tensor CosineDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return 1.0 - (normalized_rows(x) * normalized_rows(y)).sum(1);
}

at::Tensor AngularDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  const at::Tensor u = normalized_rows(x), v = normalized_rows(y);
  const LpDistance euclidean(2.0);
  return angle_over_pi(euclidean.matrix(u, v), euclidean.matrix(u, -v));
}

at::Tensor AngularDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  const at::Tensor u = normalized_rows(x), v = normalized_rows(y);
  const LpDistance euclidean(2.0);
  return angle_over_pi(euclidean.rows(u, v), euclidean.rows(u, -v));
}

}  // namespace nearfar
