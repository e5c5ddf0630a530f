// Schedules at the points where their formulas can be read off, and as they are put together by
// name.
#include "framework/optimize/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "framework/error.h"

namespace nearfar {
namespace {

TEST(Schedule, PeakRateScalesWithTheBatch) {
  EXPECT_DOUBLE_EQ(scaled_learning_rate(0.3, 4096, "linear"), 4.8);
  EXPECT_DOUBLE_EQ(scaled_learning_rate(0.075, 4096, "sqrt"), 4.8);
  EXPECT_DOUBLE_EQ(scaled_learning_rate(0.3, 4096, "none"), 0.3);
  EXPECT_THROW(scaled_learning_rate(0.3, 4096, "cubic"), ConfigError);
}

/// SimCLR's rate: base 2.
double simclr_rate(double step, double warmup, double total) {
  RateCurve curve;
  curve.base = 2.0;
  curve.warmup = warmup;
  curve.total = total;
  return cosine_with_warmup(curve, step);
}

TEST(Schedule, CosineWithWarmup) {
  EXPECT_EQ(simclr_rate(0, 10, 110), 0.0);
  EXPECT_DOUBLE_EQ(simclr_rate(5, 10, 110), 1.0);
  EXPECT_DOUBLE_EQ(simclr_rate(10, 10, 110), 2.0);
  EXPECT_DOUBLE_EQ(simclr_rate(60, 10, 110), 1.0);
  EXPECT_DOUBLE_EQ(simclr_rate(35, 10, 110), 1.0 + std::sqrt(0.5));
  EXPECT_EQ(simclr_rate(110, 10, 110), 0.0);
  EXPECT_EQ(simclr_rate(150, 10, 110), 0.0);  // never up again
  EXPECT_DOUBLE_EQ(simclr_rate(0, 0, 10), 2.0);
}

TEST(Schedule, WarmupAsLongAsTheRunStaysFinite) {
  EXPECT_DOUBLE_EQ(simclr_rate(9, 10, 10), 1.8);
  EXPECT_EQ(simclr_rate(10, 10, 10), 0.0);
  EXPECT_DOUBLE_EQ(simclr_rate(9, 20, 10), 0.9);
}

TEST(Schedule, ByEpoch) {
  EXPECT_DOUBLE_EQ(cosine_by_epoch(2.0, 0, 20), 2.0);
  EXPECT_DOUBLE_EQ(cosine_by_epoch(2.0, 5, 20), 1.0 + std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 11.9, {12, 16}), 2.0);
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 12, {12, 16}), 0.2);
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 16, {12, 16}), 0.02);
}

ScheduleConfig with(const std::string& name, double warmup_epochs,
                    const std::vector<double>& milestones = {}) {
  ScheduleConfig config;
  config.name = name;
  config.warmup_epochs = warmup_epochs;
  config.milestones = milestones;
  return config;
}

TEST(Schedule, WarmupsAndEndsOfTheCosines) {
  RateCurve curve{2.0, 0.5, 0.2, 10.0, 110.0};
  EXPECT_DOUBLE_EQ(cosine_with_warmup(curve, 0), 0.2);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(curve, 5), 1.1);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(curve, 60), 1.25);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(curve, 110), 0.5);
  EXPECT_DOUBLE_EQ(cosine_lightly(curve, 0), 0.38);  // a tenth of the way at once
  EXPECT_DOUBLE_EQ(cosine_lightly(curve, 9), 2.0);
  EXPECT_DOUBLE_EQ(cosine_lightly(curve, 10), 2.0);
  EXPECT_DOUBLE_EQ(cosine_lightly(curve, 109), 0.5);
  EXPECT_DOUBLE_EQ(cosine_lightly(curve, 200), 0.5);
  EXPECT_DOUBLE_EQ(cosine_dino(curve, 0), 0.2);
  EXPECT_DOUBLE_EQ(cosine_dino(curve, 9), 2.0);
  EXPECT_DOUBLE_EQ(cosine_dino(curve, 10), 2.0);
  EXPECT_DOUBLE_EQ(cosine_dino(curve, 60), 1.25);
  EXPECT_DOUBLE_EQ(cosine_dino(curve, 110), 0.5);
}

TEST(Schedule, TheShortestRunsStayFinite) {
  EXPECT_EQ(cosine_lightly({2.0, 0.5, 0.0, 0.0, 1.0}, 0), 0.5);
  EXPECT_EQ(cosine_dino({2.0, 0.5, 0.2, 1.0, 1.0}, 0), 0.2);
  EXPECT_EQ(cosine_with_warmup({2.0, 0.5, 0.2, 0.0, 1.0}, 0), 2.0);
}

TEST(Schedule, FinalRateByValueOrByShare) {
  ScheduleConfig config = with("cosine", 0.0);
  config.final_rate = 0.3;
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 5, 10, 5), 1.15);
  config.final_rate = 0.0;
  config.final_share = 0.5;  // of 2
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 5, 10, 5), 1.5);
  config.name = "cosine_dino";
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 5, 10, 5), 1.5);
  config.name = "cosine_lightly";
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2.0, 9, 10, 5), 1.0);
}

std::string refusal(const ScheduleConfig& config) {
  try {
    check_schedule(config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Schedule, RefusesEndsThatMeanNothing) {
  ScheduleConfig config = with("step", 0.0);
  config.final_share = 0.1;
  EXPECT_EQ(refusal(config),
            "schedule.final_share: goes with cosine, cosine_lightly and cosine_dino, got "
            "schedule.name=step");
  config.name = "cosine";
  EXPECT_EQ(refusal(config), "");
  config.final_rate = 0.1;
  EXPECT_EQ(refusal(config),
            "schedule.final_share: expected 0 beside schedule.final_rate, or the reverse");
}

TEST(Schedule, ByEpochMovesOnceAnEpoch) {
  const ScheduleConfig config = with("cosine_by_epoch", 0.0);
  for (int64_t step = 0; step < 40; ++step) {
    EXPECT_EQ(learning_rate_at(config, 2.0, step, 40, 4),
              cosine_by_epoch(2.0, static_cast<double>(step / 4), 10.0));
  }
}

TEST(Schedule, WeightDecayRisesAlongHalfACosine) {
  ScheduleConfig config;
  EXPECT_EQ(weight_decay_at(config, 0.04, 70, 100), 0.04);
  config.final_weight_decay = 0.4;  // DINO
  EXPECT_DOUBLE_EQ(weight_decay_at(config, 0.04, 0, 100), 0.04);
  EXPECT_DOUBLE_EQ(weight_decay_at(config, 0.04, 50, 100), 0.22);
  EXPECT_DOUBLE_EQ(weight_decay_at(config, 0.04, 100, 100), 0.4);
  config.final_weight_decay = 0.0;
  EXPECT_DOUBLE_EQ(weight_decay_at(config, 0.04, 50, 100), 0.02);
}

TEST(Schedule, ByNameWithWarmupInEpochs) {
  const int64_t steps_per_epoch = 4, total = 40;
  const auto rate = [&](const ScheduleConfig& config, int64_t step) {
    return learning_rate_at(config, 2.0, step, total, steps_per_epoch);
  };
  for (int64_t step = 0; step < total; ++step) {
    EXPECT_EQ(rate(with("cosine", 2.0), step), simclr_rate(static_cast<double>(step), 8.0, 40.0));
  }
  // 0.4 epochs are 1.6 steps, rounded to 2.
  const ScheduleConfig constant = with("constant", 0.4);
  EXPECT_EQ(rate(constant, 0), 0.0);
  EXPECT_DOUBLE_EQ(rate(constant, 1), 1.0);
  EXPECT_DOUBLE_EQ(rate(constant, 2), 2.0);
  EXPECT_DOUBLE_EQ(rate(constant, 39), 2.0);
  const ScheduleConfig steps = with("step", 0.0, {5, 8});
  EXPECT_DOUBLE_EQ(rate(steps, 0), 2.0);
  EXPECT_DOUBLE_EQ(rate(steps, 19), 2.0);
  EXPECT_DOUBLE_EQ(rate(steps, 20), 0.2);
  EXPECT_DOUBLE_EQ(rate(steps, 32), 0.02);
  EXPECT_THROW(rate(with("cosin", 0.0), 0), ConfigError);
}

}  // namespace
}  // namespace nearfar
