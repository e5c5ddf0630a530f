// Learning-rate schedules as pure functions of the step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

struct ScheduleConfig {
  std::string name = "cosine";
  double warmup_epochs = 10.0;
  std::vector<double> milestones;
  double final_weight_decay = -1.0;

  void describe(auto& field) {
    field("name", name, {"cosine", "step", "constant"},
          "cosine: warm-up, then half a cosine (SimCLR); step: times 0.1 at each milestone (MoCo "
          "v1)");
    field("warmup_epochs", warmup_epochs, 0.0, 1e6, "epochs of linear warm-up from 0");
    field("milestones", milestones, 0.0, 1e6, "epochs at which schedule=step multiplies by 0.1");
    field("final_weight_decay", final_weight_decay, -1.0, 10.0,
          "weight decay at the end, reached along half a cosine (DINO); -1: it stays as it is");
  }
};

/// The peak rate: learning_rate * batch / 256 ("linear"), learning_rate * sqrt(batch) ("sqrt"), or
/// as it is ("none"). Throws ConfigError for another name.
double scaled_learning_rate(double learning_rate, int64_t batch, const std::string& scaling);

/// SimCLR: base * step / warmup for step < warmup (0 at the first step), then
/// base / 2 (1 + cos(pi (step - warmup) / (total - warmup))) (google-research/simclr
/// model_util.py), and 0 from step total on.
double cosine_with_warmup(double base, double step, double warmup_steps, double total_steps);
/// MoCo v2: base / 2 (1 + cos(pi epoch / epochs)).
double cosine_by_epoch(double base, double epoch, double epochs);
/// MoCo v1: base * 0.1^(milestones passed, epoch >= milestone).
double step_by_epoch(double base, double epoch, const std::vector<double>& milestones);

/// The rate at `step` of a run of total_steps. Warm-up, rounded to whole steps, comes before every
/// schedule; milestones count epochs from the start of the run.
double learning_rate_at(const ScheduleConfig& config, double base, int64_t step,
                        int64_t total_steps, int64_t steps_per_epoch);

/// The weight decay at `step`: `base`, or on DINO's half cosine from it to final_weight_decay.
double weight_decay_at(const ScheduleConfig& config, double base, int64_t step,
                       int64_t total_steps);

}  // namespace nearfar
