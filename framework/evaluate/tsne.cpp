// t-SNE, exact: the forces on one row at a time, summed in the same order on any number of threads.
#include "framework/evaluate/tsne.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/evaluate/principal_components.h"

namespace nearfar {
namespace {

constexpr double kReached = 1e-5;  // relative error of the perplexity
constexpr int kBisections = 200;
constexpr double kLeastGain = 0.01;  // gains as in the paper's code
constexpr double kStartDeviation = 1e-4;
constexpr double kLeastLearningRate = 200.0;

/// Writes exp(-precision * distance) / sum into `probability`; returns the entropy in nats.
/// Distances count from the nearest row, so that the sum is at least 1.
double gaussian_row(const double* distance, int64_t count, int64_t self, double nearest,
                    double precision, double* probability) {
  double sum = 0.0;
  double weighted = 0.0;
  for (int64_t j = 0; j < count; ++j) {
    const double away = distance[j] - nearest;
    const double value = j == self ? 0.0 : std::exp(-precision * away);
    probability[j] = value;
    sum += value;
    weighted += value * (j == self ? 0.0 : away);
  }
  for (int64_t j = 0; j < count; ++j) probability[j] /= sum;
  return std::log(sum) + precision * weighted / sum;
}

/// The precision at which the row's perplexity is reached. The entropy falls as it grows.
void fit_row(const double* distance, int64_t count, int64_t self, double perplexity,
             double* probability) {
  double nearest = std::numeric_limits<double>::infinity();
  double mean = 0.0;
  for (int64_t j = 0; j < count; ++j) {
    if (j == self) continue;
    nearest = std::min(nearest, distance[j]);
    mean += distance[j] / static_cast<double>(count - 1);
  }
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  double precision = 1.0 / std::max(mean - nearest, 1e-300);
  for (int step = 0; step < kBisections; ++step) {
    const double entropy = gaussian_row(distance, count, self, nearest, precision, probability);
    if (std::abs(std::exp(entropy) / perplexity - 1.0) <= kReached) return;
    (entropy > std::log(perplexity) ? low : high) = precision;
    precision = std::isinf(high) ? 2.0 * precision : 0.5 * (low + high);
    // Nothing is left to separate: neighbours at equal distances share evenly.
    if (precision > 1e290) return;
  }
}

/// Squared Euclidean distances [N, N] by differences: no cancellation between near rows.
at::Tensor squared_distances(const at::Tensor& rows) {
  return at::cdist(rows, rows, 2.0, /*compute_mode=*/2).square();
}

/// Coordinates of the plane in two rows: what the inner loops read.
struct Plane {
  std::vector<double> x, y;

  explicit Plane(const at::Tensor& map) {
    const at::Tensor columns = map.t().contiguous();
    const double* values = columns.data_ptr<double>();
    const int64_t count = map.size(0);
    x.assign(values, values + count);
    y.assign(values + count, values + 2 * count);
  }
};

/// What one row adds to its gradient and to the normaliser of Q.
struct Forces {
  double attract_x = 0.0, attract_y = 0.0;  // sum of p w (y_i - y_j), w = 1 / (1 + |y_i - y_j|^2)
  double repel_x = 0.0, repel_y = 0.0;      // sum of w^2 (y_i - y_j)
  double weight = 0.0;                      // sum of w, the row itself left out
};

Forces forces_on(const double* joint, const Plane& plane, int64_t i) {
  const double* x = plane.x.data();
  const double* y = plane.y.data();
  const auto count = static_cast<int64_t>(plane.x.size());
  const double own_x = x[i];
  const double own_y = y[i];
  double ax = 0.0, ay = 0.0, rx = 0.0, ry = 0.0, weight = 0.0;
#pragma omp simd reduction(+ : ax, ay, rx, ry, weight)
  for (int64_t j = 0; j < count; ++j) {
    const double dx = own_x - x[j];
    const double dy = own_y - y[j];
    const double w = 1.0 / (1.0 + dx * dx + dy * dy);
    const double pull = joint[j] * w;
    const double push = w * w;
    ax += pull * dx;
    ay += pull * dy;
    rx += push * dx;
    ry += push * dy;
    weight += w;
  }
  return {ax, ay, rx, ry, weight - 1.0};
}

std::vector<Forces> all_forces(const at::Tensor& joint, const Plane& plane) {
  const auto count = static_cast<int64_t>(plane.x.size());
  const double* values = joint.data_ptr<double>();
  std::vector<Forces> forces(static_cast<size_t>(count));
  at::parallel_for(0, count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      forces[static_cast<size_t>(i)] = forces_on(values + i * count, plane, i);
    }
  });
  return forces;
}

double total_weight(const std::vector<Forces>& forces) {
  double total = 0.0;
  for (const Forces& row : forces) total += row.weight;
  return total;
}

double divergence_of(const at::Tensor& joint, const Plane& plane, double total) {
  const double* p = joint.data_ptr<double>();
  const size_t count = plane.x.size();
  double divergence = 0.0;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      const double value = p[i * count + j];
      if (i == j || value <= 0.0) continue;
      const double dx = plane.x[i] - plane.x[j];
      const double dy = plane.y[i] - plane.y[j];
      divergence += value * std::log(value * total * (1.0 + dx * dx + dy * dy));
    }
  }
  return divergence;
}

/// Gradient descent with momentum and a gain for each coordinate (Jacobs 1988), as in the paper.
struct Descent {
  std::vector<double> velocity, gain;

  void step(std::vector<double>& place, size_t i, size_t coordinate, double gradient, double rate,
            double momentum) {
    double& own_gain = gain[coordinate];
    double& own_velocity = velocity[coordinate];
    const bool same_way = (gradient > 0.0) == (own_velocity > 0.0);
    own_gain = std::max(same_way ? own_gain * 0.8 : own_gain + 0.2, kLeastGain);
    own_velocity = momentum * own_velocity - rate * own_gain * gradient;
    place[i] += own_velocity;
  }
};

at::Tensor start_of(const at::Tensor& rows) {
  at::Tensor start = at::zeros({rows.size(0), 2}, at::kDouble);
  const at::Tensor components = principal_components(rows, 2).coordinates;
  start.narrow(1, 0, components.size(1)).copy_(components);
  const double deviation = components.select(1, 0).std(0, /*unbiased=*/false).item<double>();
  return start * (kStartDeviation / std::max(deviation, 1e-300));
}

at::Tensor to_tensor(const Plane& plane) {
  const auto count = static_cast<int64_t>(plane.x.size());
  at::Tensor map = at::empty({count, 2}, at::kDouble);
  double* values = map.data_ptr<double>();
  for (size_t i = 0; i < plane.x.size(); ++i) {
    values[2 * i] = plane.x[i];
    values[2 * i + 1] = plane.y[i];
  }
  return map - map.mean(0, true);
}

void check_rows(const at::Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2 && rows.size(0) > 1 && rows.isfinite().all().item<bool>(),
              "t-SNE: expected a finite matrix of two rows or more, got ", rows.sizes());
}

}  // namespace

at::Tensor neighbor_probabilities(const at::Tensor& rows, double perplexity) {
  check_rows(rows);
  const at::NoGradGuard no_grad;
  const int64_t count = rows.size(0);
  const at::Tensor distance = squared_distances(rows.to(at::kDouble)).contiguous();
  at::Tensor probability = at::zeros_like(distance);
  const double* from = distance.data_ptr<double>();
  double* to = probability.data_ptr<double>();
  at::parallel_for(0, count, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      fit_row(from + i * count, count, i, perplexity, to + i * count);
    }
  });
  return probability;
}

at::Tensor joint_probabilities(const at::Tensor& rows, double perplexity) {
  const at::Tensor conditional = neighbor_probabilities(rows, perplexity);
  return (conditional + conditional.t()) / (2.0 * static_cast<double>(rows.size(0)));
}

TsneGradient tsne_gradient(const at::Tensor& joint, const at::Tensor& map) {
  const Plane plane(map);
  const std::vector<Forces> forces = all_forces(joint, plane);
  const double total = total_weight(forces);
  at::Tensor gradient = at::empty_like(map, at::MemoryFormat::Contiguous);
  double* values = gradient.data_ptr<double>();
  for (size_t i = 0; i < forces.size(); ++i) {
    values[2 * i] = 4.0 * (forces[i].attract_x - forces[i].repel_x / total);
    values[2 * i + 1] = 4.0 * (forces[i].attract_y - forces[i].repel_y / total);
  }
  return {gradient, divergence_of(joint, plane, total)};
}

at::Tensor tsne(const at::Tensor& rows, const TsneOptions& options) {
  check_rows(rows);
  const at::NoGradGuard no_grad;
  const auto count = static_cast<size_t>(rows.size(0));
  const double perplexity =
      std::max(1.0, std::min(options.perplexity, static_cast<double>(count - 1) / 3.0));
  const at::Tensor joint = joint_probabilities(rows, perplexity);
  const double rate =
      std::max(static_cast<double>(count) / options.exaggeration, kLeastLearningRate);
  Plane plane(start_of(rows));
  Descent descent{std::vector<double>(2 * count, 0.0), std::vector<double>(2 * count, 1.0)};
  for (int64_t iteration = 0; iteration < options.iterations; ++iteration) {
    const bool early = iteration < options.exaggerated;
    const double factor = early ? options.exaggeration : 1.0;
    const double momentum = early ? options.first_momentum : options.momentum;
    const std::vector<Forces> forces = all_forces(joint, plane);
    const double total = total_weight(forces);
    for (size_t i = 0; i < count; ++i) {
      const Forces& row = forces[i];
      descent.step(plane.x, i, 2 * i, 4.0 * (factor * row.attract_x - row.repel_x / total), rate,
                   momentum);
      descent.step(plane.y, i, 2 * i + 1, 4.0 * (factor * row.attract_y - row.repel_y / total),
                   rate, momentum);
    }
  }
  return to_tensor(plane);
}

}  // namespace nearfar
