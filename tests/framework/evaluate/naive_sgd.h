// Stochastic gradient descent on a linear classifier by plain loops in double: what tests compare
// with.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <vector>

namespace nearfar {

/// torch.optim.SGD's rule on the mean cross entropy of a batch; the decay holds for weights alone.
struct NaiveClassifier {
  NaiveClassifier(int64_t classes_, int64_t width_, double rate_, double decay_, double momentum_,
                  bool nesterov_)
      : classes(classes_),
        width(width_),
        rate(rate_),
        decay(decay_),
        momentum(momentum_),
        nesterov(nesterov_),
        weight(classes_ * width_),
        bias(classes_),
        moving(weight.size()),
        moving_bias(bias.size()) {}

  std::vector<double> scores(const double* row) const {
    std::vector<double> result = bias;
    for (int64_t c = 0; c < classes; ++c) {
      for (int64_t j = 0; j < width; ++j) result[c] += weight[c * width + j] * row[j];
    }
    return result;
  }

  void move(double& value, double& velocity, double direction, double factor) const {
    velocity = momentum * velocity + direction;
    value -= rate * factor * (nesterov ? direction + momentum * velocity : velocity);
  }

  /// features [n, width] double, label [n] int64.
  void step(const at::Tensor& features, const at::Tensor& label, double factor) {
    const int64_t n = features.size(0);
    const at::Tensor rows = features.contiguous();
    std::vector<double> slope(weight.size()), slope_bias(bias.size());
    for (int64_t i = 0; i < n; ++i) {
      const double* row = rows.data_ptr<double>() + i * width;
      const std::vector<double> score = scores(row);
      double sum = 0.0;
      for (const double s : score) sum += std::exp(s);
      for (int64_t c = 0; c < classes; ++c) {
        const double error =
            (std::exp(score[c]) / sum - (label[i].item<int64_t>() == c ? 1.0 : 0.0)) /
            static_cast<double>(n);
        slope_bias[c] += error;
        for (int64_t j = 0; j < width; ++j) slope[c * width + j] += error * row[j];
      }
    }
    for (size_t k = 0; k < weight.size(); ++k) {
      move(weight[k], moving[k], slope[k] + decay * weight[k], factor);
    }
    for (size_t c = 0; c < bias.size(); ++c) {
      move(bias[c], moving_bias[c], slope_bias[c], factor);
    }
  }

  /// Share of rows whose highest score is that of their label.
  double accuracy(const at::Tensor& features, const at::Tensor& label) const {
    const at::Tensor rows = features.contiguous();
    int64_t right = 0;
    for (int64_t i = 0; i < rows.size(0); ++i) {
      const std::vector<double> score = scores(rows.data_ptr<double>() + i * width);
      int64_t best = 0;
      for (int64_t c = 1; c < classes; ++c) best = score[c] > score[best] ? c : best;
      right += best == label[i].item<int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(rows.size(0));
  }

  int64_t classes, width;
  double rate, decay, momentum;
  bool nesterov;
  std::vector<double> weight, bias, moving, moving_bias;
};

}  // namespace nearfar
