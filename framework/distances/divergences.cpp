// Kullback-Leibler divergences.
#include "framework/distances/divergences.h"

#include <torch/types.h>

namespace nearfar {
namespace {

// Shapes: n rows of x, m rows of y, d dimensions.

/// A divergence that rounding made negative is 0.
at::Tensor not_negative(const at::Tensor& divergence) { return divergence.clamp_min(0.0); }

/// In float64: cross entropy and entropy are nearly equal where rows are.
at::Tensor softmax_kl(const at::Tensor& x_nd, const at::Tensor& y_md) {
  const at::Tensor log_p_nd = x_nd.to(at::kDouble).log_softmax(1);
  const at::Tensor log_q_md = y_md.to(at::kDouble).log_softmax(1);
  const at::Tensor p_nd = log_p_nd.exp();
  const at::Tensor entropy_n1 = (p_nd * log_p_nd).sum(1, /*keepdim=*/true);
  return not_negative(entropy_n1 - p_nd.matmul(log_q_md.t())).to(x_nd.scalar_type());
}

at::Tensor softmax_kl_rows(const at::Tensor& x_nd, const at::Tensor& y_nd) {
  const at::Tensor log_p_nd = x_nd.log_softmax(1);
  return not_negative((log_p_nd.exp() * (log_p_nd - y_nd.log_softmax(1))).sum(1));
}

struct Gaussians {
  explicit Gaussians(const at::Tensor& rows) {
    TORCH_CHECK(rows.size(1) % 2 == 0,
                "gaussian_kl: expected rows of means and as many logarithms of variances, got ",
                rows.sizes());
    const auto halves = rows.chunk(2, 1);
    mean = halves[0];
    log_variance = halves[1];
  }
  at::Tensor mean, log_variance;
};

}  // namespace

at::Tensor KullbackLeiblerDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return softmax_kl(x, y);
}

at::Tensor KullbackLeiblerDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return softmax_kl_rows(x, y);
}

at::Tensor JeffreysDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  return softmax_kl(x, y) + softmax_kl(y, x).t();
}

at::Tensor JeffreysDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  return softmax_kl_rows(x, y) + softmax_kl_rows(y, x);
}

at::Tensor GaussianKlDistance::pairwise(const at::Tensor& x, const at::Tensor& y) const {
  const Gaussians p(x.to(at::kDouble)), q(y.to(at::kDouble));
  // Means and logarithms are taken from the middle of y's, so that products cancel and overflow
  // least; the divergence does not change.
  const at::Tensor mean_1d = q.mean.detach().mean(0, true);
  const at::Tensor log_1d = q.log_variance.detach().mean(0, true);
  const at::Tensor a_nd = p.mean - mean_1d, b_md = q.mean - mean_1d;
  const at::Tensor precision_md = (log_1d - q.log_variance).exp();  // times exp(log_1d)
  const at::Tensor weight_1d = (-log_1d).exp();
  const at::Tensor spread_nd = (p.log_variance - log_1d).exp();
  const at::Tensor moment_nd = spread_nd + a_nd.square() * weight_1d;
  const at::Tensor trace_nm = moment_nd.matmul(precision_md.t()) -
                              2.0 * (a_nd * weight_1d).matmul((b_md * precision_md).t()) +
                              (b_md.square() * precision_md * weight_1d).sum(1);
  const at::Tensor logs_nm =
      q.log_variance.sum(1).unsqueeze(0) - p.log_variance.sum(1).unsqueeze(1);
  const double d = static_cast<double>(a_nd.size(1));
  return not_negative(0.5 * (trace_nm + logs_nm - d)).to(x.scalar_type());
}

at::Tensor GaussianKlDistance::rowwise(const at::Tensor& x, const at::Tensor& y) const {
  const Gaussians p(x), q(y);
  const at::Tensor ratio_nd = p.log_variance - q.log_variance;
  const at::Tensor shift_nd = (p.mean - q.mean).square() * (-q.log_variance).exp();
  return not_negative(0.5 * (ratio_nd.exp() - ratio_nd - 1.0 + shift_nd).sum(1));
}

}  // namespace nearfar
