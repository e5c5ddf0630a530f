// Every update rule written down once more, plainly and in double: what the fast one must equal.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/optimize/optimizer_config.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

using Numbers = std::vector<double>;

inline double norm_of(const Numbers& values) {
  double sum = 0.0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

/// One parameter, stepped by the definitions of the papers' code.
class NaiveParameter {
 public:
  NaiveParameter(const OptimizerConfig& config, const ParameterGroup& group, Numbers values)
      : values_(std::move(values)),
        config_(config),
        group_(group),
        first_(values_.size()),
        second_(values_.size()) {}

  const Numbers& values() const { return values_; }

  void step(Numbers gradient, double rate, double all_norm) {
    if (group_.frozen) return;
    ++steps_;
    rate = group_.fixed_rate.value_or(rate * group_.rate_scale);
    if (config_.clip_gradient > 0.0) {
      const double norm = config_.clip_by == "all" ? all_norm : norm_of(gradient);
      const double factor = std::min(1.0, config_.clip_gradient / (norm + 1e-6));
      for (double& g : gradient) g *= factor;
    }
    if (config_.name == "adamw") return adamw(gradient, rate);
    if (config_.name == "lars" && config_.lars_convention == "simclr")
      return simclr(gradient, rate);
    momentum(config_.name == "sgd"                 ? decayed(gradient)
             : config_.lars_convention == "mocov3" ? mocov3(gradient)
                                                   : summed(gradient, rate),
             rate);
  }

 private:
  double decay() const { return group_.decay ? config_.weight_decay : 0.0; }

  Numbers decayed(Numbers gradient) const {
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] += decay() * values_[i];
    return gradient;
  }

  static Numbers scaled(Numbers values, double factor) {
    for (double& value : values) value *= factor;
    return values;
  }

  double trust(const Numbers& update) const {
    const double p = norm_of(values_), g = norm_of(update);
    return group_.adapt && p > 0.0 && g > 0.0 ? config_.eta * p / g : 1.0;
  }

  Numbers mocov3(const Numbers& gradient) const {
    const Numbers update = decayed(gradient);
    return scaled(update, trust(update));
  }

  /// lightly and solo-learn.
  Numbers summed(const Numbers& gradient, double rate) const {
    const bool clip = config_.lars_convention == "clip";
    if (!group_.adapt) return decayed(gradient);
    if (!clip && decay() == 0.0) return gradient;
    const double p = norm_of(values_), g = norm_of(gradient);
    if (p == 0.0 || g == 0.0) return gradient;
    const double local = config_.eta * p / (g + decay() * p + config_.eps);
    return scaled(decayed(gradient), clip ? std::min(local / rate, 1.0) : local);
  }

  void simclr(const Numbers& gradient, double rate) {
    const Numbers update = decayed(gradient);
    const double factor = rate * trust(update);
    for (size_t i = 0; i < values_.size(); ++i) {
      first_[i] = config_.momentum * first_[i] + factor * update[i];
      values_[i] -=
          config_.nesterov ? config_.momentum * first_[i] + factor * update[i] : first_[i];
    }
  }

  void momentum(const Numbers& update, double rate) {
    for (size_t i = 0; i < values_.size(); ++i) {
      first_[i] = steps_ == 1 ? update[i]
                              : config_.momentum * first_[i] + (1 - config_.dampening) * update[i];
      values_[i] -=
          rate * (config_.nesterov ? update[i] + config_.momentum * first_[i] : first_[i]);
    }
  }

  void adamw(const Numbers& gradient, double rate) {
    for (size_t i = 0; i < values_.size(); ++i) {
      first_[i] = config_.beta1 * first_[i] + (1 - config_.beta1) * gradient[i];
      second_[i] = config_.beta2 * second_[i] + (1 - config_.beta2) * gradient[i] * gradient[i];
      const double m = first_[i] / (1 - std::pow(config_.beta1, steps_));
      const double q = second_[i] / (1 - std::pow(config_.beta2, steps_));
      values_[i] = values_[i] * (1 - rate * decay()) - rate * m / (std::sqrt(q) + config_.eps);
    }
  }

  Numbers values_;
  OptimizerConfig config_;
  ParameterGroup group_;
  Numbers first_, second_;
  int steps_ = 0;
};

}  // namespace nearfar
