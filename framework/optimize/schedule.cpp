// Schedules of learning rate and weight decay as pure functions of the step.
#include "framework/optimize/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/error.h"

namespace nearfar {
namespace {

/// From `base` at share 0 to `final` at 1.
double half_cosine(double base, double final, double share) {
  return final + 0.5 * (base - final) * (1.0 + std::cos(std::numbers::pi * share));
}

double warm_up(const RateCurve& curve, double share) {
  return curve.warmup_start + (curve.base - curve.warmup_start) * share;
}

bool has_final_rate(const std::string& name) {
  return name == "cosine" || name == "cosine_lightly" || name == "cosine_dino";
}

}  // namespace

double scaled_learning_rate(double learning_rate, int64_t batch, const std::string& scaling) {
  const double images = static_cast<double>(batch);
  if (scaling == "linear") return learning_rate * images / 256.0;
  if (scaling == "sqrt") return learning_rate * std::sqrt(images);
  if (scaling == "none") return learning_rate;
  throw ConfigError("optimizer.scaling: expected linear, sqrt or none, got \"" + scaling + "\"");
}

double cosine_with_warmup(const RateCurve& curve, double time) {
  if (time < curve.warmup) return warm_up(curve, time / curve.warmup);
  if (time >= curve.total) return curve.final;
  return half_cosine(curve.base, curve.final, (time - curve.warmup) / (curve.total - curve.warmup));
}

double cosine_lightly(const RateCurve& curve, double step) {
  if (step < curve.warmup) return warm_up(curve, (step + 1.0) / curve.warmup);
  const double last = curve.total - 1.0;
  if (step >= last) return curve.final;
  return half_cosine(curve.base, curve.final, (step - curve.warmup) / (last - curve.warmup));
}

double cosine_dino(const RateCurve& curve, double step) {
  if (step < curve.warmup) {
    return curve.warmup == 1.0 ? curve.warmup_start : warm_up(curve, step / (curve.warmup - 1.0));
  }
  if (step >= curve.total) return curve.final;
  return half_cosine(curve.base, curve.final, (step - curve.warmup) / (curve.total - curve.warmup));
}

double cosine_by_epoch(double base, double epoch, double epochs) {
  return half_cosine(base, 0.0, epoch / epochs);
}

double step_by_epoch(double base, double epoch, const std::vector<double>& milestones) {
  const auto passed = std::count_if(milestones.begin(), milestones.end(),
                                    [epoch](double milestone) { return epoch >= milestone; });
  return base * std::pow(0.1, static_cast<double>(passed));
}

void check_schedule(const ScheduleConfig& config) {
  const std::string& name = config.name;
  if (!has_final_rate(name) && name != "cosine_by_epoch" && name != "step" && name != "constant") {
    throw ConfigError(
        "schedule.name: expected cosine, cosine_lightly, cosine_dino, cosine_by_epoch, step or "
        "constant, got \"" +
        name + "\"");
  }
  if (config.final_rate != 0.0 && config.final_share != 0.0) {
    throw ConfigError(
        "schedule.final_share: expected 0 beside schedule.final_rate, or the reverse");
  }
  if (!has_final_rate(name) && (config.final_rate != 0.0 || config.final_share != 0.0)) {
    throw ConfigError(
        std::string("schedule.final_") + (config.final_rate != 0.0 ? "rate" : "share") +
        ": goes with cosine, cosine_lightly and cosine_dino, got schedule.name=" + name);
  }
}

double learning_rate_at(const ScheduleConfig& config, double base, int64_t step,
                        int64_t total_steps, int64_t steps_per_epoch) {
  check_schedule(config);
  const double now = static_cast<double>(step), an_epoch = static_cast<double>(steps_per_epoch);
  RateCurve curve;
  curve.base = base;
  curve.final = config.final_rate + config.final_share * base;
  curve.warmup_start = config.warmup_start;
  curve.warmup = std::round(config.warmup_epochs * an_epoch);
  curve.total = static_cast<double>(total_steps);
  if (config.name == "cosine_lightly") return cosine_lightly(curve, now);
  if (config.name == "cosine_dino") return cosine_dino(curve, now);
  if (config.name == "cosine" || now < curve.warmup) return cosine_with_warmup(curve, now);
  if (config.name == "constant") return base;
  if (config.name == "step") return step_by_epoch(base, now / an_epoch, config.milestones);
  return cosine_by_epoch(base, std::floor(now / an_epoch), curve.total / an_epoch);
}

double weight_decay_at(const ScheduleConfig& config, double base, int64_t step,
                       int64_t total_steps) {
  if (config.final_weight_decay < 0.0) return base;
  return half_cosine(base, config.final_weight_decay,
                     static_cast<double>(step) / static_cast<double>(total_steps));
}

}  // namespace nearfar
