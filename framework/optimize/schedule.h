// Schedules of learning rate and weight decay as pure functions of the step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

struct ScheduleConfig {
  std::string name = "cosine";
  double warmup_epochs = 10.0;
  double warmup_start = 0.0;
  double final_rate = 0.0;
  double final_share = 0.0;
  std::vector<double> milestones;
  double final_weight_decay = -1.0;

  void describe(auto& field) {
    field("name", name,
          {"cosine", "cosine_lightly", "cosine_dino", "cosine_by_epoch", "step", "constant"},
          "cosine: half a cosine after the warm-up (SimCLR, MoCo v3); cosine_lightly and "
          "cosine_dino: as theirs count steps; cosine_by_epoch: moves once an epoch (MoCo v2); "
          "step: times 0.1 at each milestone (MoCo v1); constant");
    field("warmup_epochs", warmup_epochs, 0.0, 1e6, "epochs of linear warm-up, of every schedule");
    field("warmup_start", warmup_start, 0.0, 1000.0, "rate that the warm-up begins with");
    field("final_rate", final_rate, 0.0, 1000.0,
          "rate that cosine, cosine_lightly and cosine_dino end with; not scaled with the batch");
    field("final_share", final_share, 0.0, 1.0, "the same as a share of the peak rate");
    field("milestones", milestones, 0.0, 1e6, "epochs at which schedule=step multiplies by 0.1");
    field("final_weight_decay", final_weight_decay, -1.0, 10.0,
          "weight decay at the end, reached along half a cosine (DINO); -1: it stays as it is");
  }
};

/// The peak rate: learning_rate * batch / 256 ("linear"), learning_rate * sqrt(batch) ("sqrt"), or
/// as it is ("none"). Throws ConfigError for another name.
double scaled_learning_rate(double learning_rate, int64_t batch, const std::string& scaling);

/// Where a rate starts, peaks and ends, and when.
struct RateCurve {
  double base = 0.0;
  double final = 0.0;
  double warmup_start = 0.0;
  double warmup = 0.0;  // in the unit of time: steps or epochs
  double total = 0.0;
};

/// SimCLR: linear from warmup_start (0) to base over time / warmup, 0 at the first step, then
/// final + (base - final) / 2 (1 + cos(pi (time - warmup) / (total - warmup))) (google-research/
/// simclr model_util.py), and final from total on. With epochs and their fraction as time it is
/// MoCo v3's adjust_learning_rate.
double cosine_with_warmup(const RateCurve& curve, double time);
/// lightly's CosineWarmupScheduler: warm-up by (step + 1) / warmup, so that it skips warmup_start,
/// and a cosine whose last step, total - 1, has the final rate.
double cosine_lightly(const RateCurve& curve, double step);
/// DINO's utils.cosine_scheduler: warm-up whose last step, warmup - 1, has the base rate, then the
/// base rate once more as the cosine's first.
double cosine_dino(const RateCurve& curve, double step);
/// MoCo v2: base / 2 (1 + cos(pi epoch / epochs)).
double cosine_by_epoch(double base, double epoch, double epochs);
/// MoCo v1: base * 0.1^(milestones passed, epoch >= milestone).
double step_by_epoch(double base, double epoch, const std::vector<double>& milestones);

/// Throws ConfigError for an unknown name and for keys that mean nothing with it.
void check_schedule(const ScheduleConfig& config);

/// The rate at `step` of a run of total_steps. Warm-up, rounded to whole steps, comes before every
/// schedule; milestones count epochs from the start of the run. Throws like check_schedule.
double learning_rate_at(const ScheduleConfig& config, double base, int64_t step,
                        int64_t total_steps, int64_t steps_per_epoch);

/// The weight decay at `step`: `base`, or on DINO's half cosine from it to final_weight_decay.
double weight_decay_at(const ScheduleConfig& config, double base, int64_t step,
                       int64_t total_steps);

}  // namespace nearfar
