// The losses as they are usually written, over the whole matrix of similarities: what bench_losses
// compares with and tests check against.
#pragma once

#include <torch/types.h>

#include <limits>

namespace nearfar::naive {

inline at::Tensor unit(const at::Tensor& rows) { return rows / rows.norm(2, -1, true); }

inline at::Tensor diagonal_labels(const at::Tensor& logits) {
  return at::arange(logits.size(0), logits.options().dtype(at::kLong).requires_grad(false));
}

/// SimCLR, equation 1, each of the 2 n anchors weighted by its sample's weight [n].
inline at::Tensor nt_xent(const at::Tensor& z1, const at::Tensor& z2, double temperature,
                          const at::Tensor& weight = {}) {
  const at::Tensor z = unit(at::cat({z1, z2}));
  at::Tensor logits = z.matmul(z.t()) / temperature;
  logits.fill_diagonal_(-std::numeric_limits<double>::infinity());
  const at::Tensor label = diagonal_labels(logits).roll(z1.size(0));
  const at::Tensor loss = at::cross_entropy_loss(logits, label, {}, at::Reduction::None);
  return (weight.defined() ? loss * weight.repeat({2}) : loss).mean();
}

/// MoCo, algorithm 1, with a mask [n, K] of negatives to leave out.
inline at::Tensor moco(const at::Tensor& query, const at::Tensor& key, const at::Tensor& queue,
                       double temperature, const at::Tensor& left_out = {}) {
  const at::Tensor q = unit(query), k = unit(key);
  at::Tensor negatives = q.matmul(queue.t());
  if (left_out.defined()) {
    negatives = negatives.masked_fill(left_out, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor logits = at::cat({(q * k).sum(1, true), negatives}, 1) / temperature;
  return at::cross_entropy_loss(logits, at::zeros_like(diagonal_labels(logits)));
}

/// Cross entropy of the diagonal, along rows, and along columns too if `both`.
inline at::Tensor info_nce(const at::Tensor& query, const at::Tensor& key, double temperature,
                           bool both, const at::Tensor& weight = {}) {
  const at::Tensor logits = unit(query).matmul(unit(key).t()) / temperature;
  const auto direction = [&](const at::Tensor& scores) {
    const at::Tensor loss =
        at::cross_entropy_loss(scores, diagonal_labels(scores), {}, at::Reduction::None);
    return (weight.defined() ? loss * weight : loss).mean();
  };
  return both ? (direction(logits) + direction(logits.t())) / 2 : direction(logits);
}

/// MoCo v3, algorithm 1.
inline at::Tensor moco_v3(const at::Tensor& q1, const at::Tensor& q2, const at::Tensor& k1,
                          const at::Tensor& k2, double temperature) {
  const auto contrast = [temperature](const at::Tensor& query, const at::Tensor& key) {
    return 2.0 * temperature * info_nce(query, key, temperature, false);
  };
  return contrast(q1, k2) + contrast(q2, k1);
}

}  // namespace nearfar::naive
