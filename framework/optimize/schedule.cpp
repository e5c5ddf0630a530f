// Learning-rate schedules as pure functions of the step.
#include "framework/optimize/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/error.h"

namespace nearfar {
namespace {

double half_cosine(double base, double share) {
  return 0.5 * base * (1.0 + std::cos(std::numbers::pi * share));
}

}  // namespace

double scaled_learning_rate(double learning_rate, int64_t batch, const std::string& scaling) {
  const double images = static_cast<double>(batch);
  if (scaling == "linear") return learning_rate * images / 256.0;
  if (scaling == "sqrt") return learning_rate * std::sqrt(images);
  if (scaling == "none") return learning_rate;
  throw ConfigError("optimizer.scaling: expected linear, sqrt or none, got \"" + scaling + "\"");
}

double cosine_with_warmup(double base, double step, double warmup_steps, double total_steps) {
  if (step < warmup_steps) return base * step / warmup_steps;
  if (step >= total_steps) return 0.0;
  return half_cosine(base, (step - warmup_steps) / (total_steps - warmup_steps));
}

double cosine_by_epoch(double base, double epoch, double epochs) {
  return half_cosine(base, epoch / epochs);
}

double step_by_epoch(double base, double epoch, const std::vector<double>& milestones) {
  const auto passed = std::count_if(milestones.begin(), milestones.end(),
                                    [epoch](double milestone) { return epoch >= milestone; });
  return base * std::pow(0.1, static_cast<double>(passed));
}

double learning_rate_at(const ScheduleConfig& config, double base, int64_t step,
                        int64_t total_steps, int64_t steps_per_epoch) {
  const double now = static_cast<double>(step);
  const double warmup_steps =
      std::round(config.warmup_epochs * static_cast<double>(steps_per_epoch));
  if (config.name == "cosine") {
    return cosine_with_warmup(base, now, warmup_steps, static_cast<double>(total_steps));
  }
  if (now < warmup_steps) return base * now / warmup_steps;
  if (config.name == "constant") return base;
  if (config.name == "step") {
    return step_by_epoch(base, now / static_cast<double>(steps_per_epoch), config.milestones);
  }
  throw ConfigError("schedule.name: expected cosine, step or constant, got \"" + config.name +
                    "\"");
}

double weight_decay_at(const ScheduleConfig& config, double base, int64_t step,
                       int64_t total_steps) {
  if (config.final_weight_decay < 0.0) return base;
  const double share = static_cast<double>(step) / static_cast<double>(total_steps);
  return config.final_weight_decay + half_cosine(base - config.final_weight_decay, share);
}

}  // namespace nearfar
