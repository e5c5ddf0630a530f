// NT-Xent written out as in the paper, with loops over doubles, and its gradient by finite
// differences.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <vector>

namespace nearfar {

/// Mean over all 2N anchors of -log(exp(s_ip / T) / sum_{k != i} exp(s_ik / T)).
inline double nt_xent_by_loops(const at::Tensor& z1, const at::Tensor& z2, double temperature) {
  const at::Tensor rows = at::cat({z1, z2}).to(at::kDouble).contiguous();
  const int64_t count = rows.size(0), width = rows.size(1), pairs = count / 2;
  const double* values = rows.data_ptr<double>();
  const auto cosine = [&](int64_t a, int64_t b) {
    double product = 0.0, norm_a = 0.0, norm_b = 0.0;
    for (int64_t k = 0; k < width; ++k) {
      const double x = values[a * width + k], y = values[b * width + k];
      product += x * y;
      norm_a += x * x;
      norm_b += y * y;
    }
    return product / std::sqrt(norm_a * norm_b);
  };
  double sum = 0.0;
  for (int64_t anchor = 0; anchor < count; ++anchor) {
    double others = 0.0;
    for (int64_t other = 0; other < count; ++other) {
      if (other != anchor) others += std::exp(cosine(anchor, other) / temperature);
    }
    const int64_t positive = anchor < pairs ? anchor + pairs : anchor - pairs;
    sum -= cosine(anchor, positive) / temperature - std::log(others);
  }
  return sum / static_cast<double>(count);
}

/// Central differences of nt_xent_by_loops at z1.
inline at::Tensor nt_xent_gradient_by_differences(const at::Tensor& z1, const at::Tensor& z2,
                                                  double temperature) {
  const double step = 1e-5;
  at::Tensor gradient = at::zeros_like(z1);
  for (int64_t i = 0; i < z1.numel(); ++i) {
    at::Tensor above = z1.clone(), below = z1.clone();
    above.view(-1)[i] += step;
    below.view(-1)[i] -= step;
    gradient.view(-1)[i] =
        (nt_xent_by_loops(above, z2, temperature) - nt_xent_by_loops(below, z2, temperature)) /
        (2 * step);
  }
  return gradient;
}

}  // namespace nearfar
