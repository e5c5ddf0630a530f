// Instance discrimination by its definition: whole matrices, LibTorch's autograd.
#pragma once

#include <torch/types.h>

#include "tools/bench/naive_losses.h"

namespace nearfar::naive {

/// Wu et al. 2018, equation 2.
inline at::Tensor npid_softmax(const at::Tensor& feature, const at::Tensor& bank,
                               double temperature, const at::Tensor& index) {
  return at::cross_entropy_loss(unit(feature).matmul(bank.t()) / temperature, index);
}

/// exp(score / T) of the images [B, m].
inline at::Tensor exponentials(const at::Tensor& feature, const at::Tensor& bank,
                               double temperature, const at::Tensor& images) {
  const at::Tensor rows = bank.index_select(0, images.reshape(-1));
  const at::Tensor score =
      (rows.view({images.size(0), images.size(1), -1}) * unit(feature).unsqueeze(1)).sum(2);
  return (score / temperature).exp();
}

/// Equations 4 to 7.
inline at::Tensor npid_nce(const at::Tensor& feature, const at::Tensor& bank, double temperature,
                           double z, const at::Tensor& noise, const at::Tensor& index) {
  const double odds = static_cast<double>(noise.size(1)) / static_cast<double>(bank.size(0));
  const auto h = [&](const at::Tensor& images) {
    const at::Tensor p = exponentials(feature, bank, temperature, images) / z;
    return p / (p + odds);
  };
  return -(h(index.unsqueeze(1)).log().sum(1) + (1.0 - h(noise)).log().sum(1)).mean();
}

/// Equation 10's term, without its weight.
inline at::Tensor npid_proximal(const at::Tensor& feature, const at::Tensor& bank,
                                const at::Tensor& index) {
  return (unit(feature) - bank.index_select(0, index)).square().sum(1).mean();
}

}  // namespace nearfar::naive
