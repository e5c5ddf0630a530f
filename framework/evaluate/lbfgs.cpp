// Limited-memory BFGS with a strong Wolfe line search, for smooth functions of one flat vector.
#include "framework/evaluate/lbfgs.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

namespace nearfar {
namespace {

constexpr double kDecrease = 1e-4;  // Nocedal and Wright's c1 and c2 for quasi-Newton directions
constexpr double kCurvature = 0.9;

double scalar_product(const at::Tensor& a, const at::Tensor& b) { return a.dot(b).item<double>(); }

double largest(const at::Tensor& gradient) { return gradient.abs().max().item<double>(); }

/// A point on the line x + step * direction.
struct Trial {
  double step = 0.0;
  double value = 0.0;
  double slope = 0.0;
  at::Tensor gradient;
};

class Line {
 public:
  Line(const Objective& objective, const at::Tensor& x, const at::Tensor& direction, Trial origin,
       double rounding)
      : objective_(objective),
        x_(x),
        direction_(direction),
        origin_(std::move(origin)),
        slack_(rounding * std::abs(origin_.value)) {}

  /// A step that meets the strong Wolfe conditions, or the best one found; step 0 when there is
  /// none.
  Trial search(double first_step) {
    Trial previous = origin_;
    double step = first_step;
    for (int i = 0; i < 20; ++i) {
      Trial trial = evaluate(step);
      if (too_high(trial) || (i > 0 && trial.value > previous.value + slack_)) {
        return zoom(previous, trial);
      }
      if (flat(trial)) return trial;
      if (trial.slope >= 0.0) return zoom(trial, previous);
      previous = trial;
      step *= 2.0;
    }
    return previous;
  }

  int64_t evaluations() const { return evaluations_; }

 private:
  Trial evaluate(double step) {
    Trial trial;
    trial.step = step;
    trial.gradient = at::empty_like(x_);
    trial.value = objective_(x_ + direction_ * step, trial.gradient);
    trial.slope = scalar_product(trial.gradient, direction_);
    ++evaluations_;
    return trial;
  }

  // Written so that a value that is not a number is too high.
  bool too_high(const Trial& trial) const {
    return !(trial.value <= origin_.value + kDecrease * trial.step * origin_.slope + slack_);
  }

  bool flat(const Trial& trial) const {
    return std::abs(trial.slope) <= kCurvature * std::abs(origin_.slope);
  }

  Trial zoom(Trial low, Trial high) {
    for (int i = 0; i < 25; ++i) {
      Trial trial = evaluate(between(low, high));
      if (too_high(trial) || trial.value > low.value + slack_) {
        high = trial;
      } else {
        if (flat(trial)) return trial;
        if (trial.slope * (high.step - low.step) >= 0.0) high = low;
        low = trial;
      }
      if (std::abs(high.step - low.step) <= 1e-12 * std::max(high.step, low.step)) break;
    }
    return low;
  }

  /// The minimum of the cubic through both ends (Nocedal and Wright, equation 3.59), kept a tenth
  /// of the interval away from its ends.
  static double between(const Trial& low, const Trial& high) {
    const double width = high.step - low.step;
    const double middle = low.step + 0.5 * width;
    const double a = low.slope + high.slope - 3.0 * (high.value - low.value) / width;
    const double square = a * a - low.slope * high.slope;
    if (!(square >= 0.0) || !std::isfinite(square)) return middle;
    const double root = std::copysign(std::sqrt(square), width);
    const double step =
        high.step - width * (high.slope + root - a) / (high.slope - low.slope + 2.0 * root);
    if (!std::isfinite(step)) return middle;
    const auto [left, right] = std::minmax({low.step + 0.1 * width, high.step - 0.1 * width});
    return std::clamp(step, left, right);
  }

  const Objective& objective_;
  const at::Tensor& x_;
  const at::Tensor& direction_;
  Trial origin_;
  double slack_;
  int64_t evaluations_ = 0;
};

/// The last steps s and gradient changes y, and the inverse Hessian they stand for.
class History {
 public:
  explicit History(int64_t memory) : memory_(memory) {}

  void add(at::Tensor step, at::Tensor change) {
    const double product = scalar_product(step, change);
    // Rounding can hide the curvature; such a pair would spoil positive definiteness.
    if (product <= 1e-12 * scalar_product(change, change)) return;
    if (static_cast<int64_t>(pairs_.size()) == memory_) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), product});
  }

  /// Minus the inverse Hessian times the gradient: the two-loop recursion, algorithm 7.4.
  at::Tensor direction(const at::Tensor& gradient) const {
    at::Tensor q = -gradient;
    std::vector<double> alpha(pairs_.size());
    for (size_t i = pairs_.size(); i-- > 0;) {
      alpha[i] = scalar_product(pairs_[i].step, q) / pairs_[i].product;
      q.sub_(pairs_[i].change, alpha[i]);
    }
    if (!pairs_.empty())
      q.mul_(pairs_.back().product / scalar_product(pairs_.back().change, pairs_.back().change));
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const double beta = scalar_product(pairs_[i].change, q) / pairs_[i].product;
      q.add_(pairs_[i].step, alpha[i] - beta);
    }
    return q;
  }

  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

 private:
  struct Pair {
    at::Tensor step;
    at::Tensor change;
    double product;
  };
  int64_t memory_;
  std::deque<Pair> pairs_;
};

}  // namespace

Minimum minimize(const Objective& objective, const at::Tensor& start, const LbfgsOptions& options) {
  Minimum best;
  best.x = start.clone();
  at::Tensor gradient = at::empty_like(best.x);
  best.value = objective(best.x, gradient);
  best.evaluations = 1;
  TORCH_CHECK(std::isfinite(best.value), "minimize: expected a finite value at the start, got ",
              best.value);
  best.gradient_norm = largest(gradient);
  History history(options.memory);
  while (best.gradient_norm > options.tolerance && best.iterations < options.max_iterations) {
    const at::Tensor direction = history.direction(gradient);
    const Trial origin{0.0, best.value, scalar_product(gradient, direction), gradient};
    const double first =
        history.empty() ? std::min(1.0, 1.0 / gradient.norm().item<double>()) : 1.0;
    Line line(objective, best.x, direction, origin, options.rounding);
    const Trial found = line.search(first);
    best.evaluations += line.evaluations();
    if (found.step == 0.0) {
      if (history.empty()) break;
      history.clear();
      continue;
    }
    at::Tensor step = direction * found.step;
    best.x = best.x + step;
    history.add(std::move(step), found.gradient - gradient);
    gradient = found.gradient;
    best.value = found.value;
    best.gradient_norm = largest(gradient);
    ++best.iterations;
  }
  best.converged = best.gradient_norm <= options.tolerance;
  return best;
}

}  // namespace nearfar
