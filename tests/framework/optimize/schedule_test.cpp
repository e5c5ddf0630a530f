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

TEST(Schedule, CosineWithWarmup) {
  EXPECT_EQ(cosine_with_warmup(2.0, 0, 10, 110), 0.0);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 5, 10, 110), 1.0);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 10, 10, 110), 2.0);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 60, 10, 110), 1.0);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 35, 10, 110), 1.0 + std::sqrt(0.5));
  EXPECT_EQ(cosine_with_warmup(2.0, 110, 10, 110), 0.0);
  EXPECT_EQ(cosine_with_warmup(2.0, 150, 10, 110), 0.0);  // never up again
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 0, 0, 10), 2.0);
}

TEST(Schedule, WarmupAsLongAsTheRunStaysFinite) {
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 9, 10, 10), 1.8);
  EXPECT_EQ(cosine_with_warmup(2.0, 10, 10, 10), 0.0);
  EXPECT_DOUBLE_EQ(cosine_with_warmup(2.0, 9, 20, 10), 0.9);
}

TEST(Schedule, ByEpoch) {
  EXPECT_DOUBLE_EQ(cosine_by_epoch(2.0, 0, 20), 2.0);
  EXPECT_DOUBLE_EQ(cosine_by_epoch(2.0, 5, 20), 1.0 + std::sqrt(0.5));
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 11.9, {12, 16}), 2.0);
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 12, {12, 16}), 0.2);
  EXPECT_DOUBLE_EQ(step_by_epoch(2.0, 16, {12, 16}), 0.02);
}

TEST(Schedule, ByNameWithWarmupInEpochs) {
  const int64_t steps_per_epoch = 4, total = 40;
  const auto rate = [&](const ScheduleConfig& config, int64_t step) {
    return learning_rate_at(config, 2.0, step, total, steps_per_epoch);
  };
  for (int64_t step = 0; step < total; ++step) {
    EXPECT_EQ(rate({.name = "cosine", .warmup_epochs = 2.0, .milestones = {}}, step),
              cosine_with_warmup(2.0, static_cast<double>(step), 8.0, 40.0));
  }
  // 0.4 epochs are 1.6 steps, rounded to 2.
  const ScheduleConfig constant{.name = "constant", .warmup_epochs = 0.4, .milestones = {}};
  EXPECT_EQ(rate(constant, 0), 0.0);
  EXPECT_DOUBLE_EQ(rate(constant, 1), 1.0);
  EXPECT_DOUBLE_EQ(rate(constant, 2), 2.0);
  EXPECT_DOUBLE_EQ(rate(constant, 39), 2.0);
  const ScheduleConfig steps{.name = "step", .warmup_epochs = 0.0, .milestones = {5, 8}};
  EXPECT_DOUBLE_EQ(rate(steps, 0), 2.0);
  EXPECT_DOUBLE_EQ(rate(steps, 19), 2.0);
  EXPECT_DOUBLE_EQ(rate(steps, 20), 0.2);
  EXPECT_DOUBLE_EQ(rate(steps, 32), 0.02);
  EXPECT_THROW(rate({.name = "cosin", .warmup_epochs = 0.0, .milestones = {}}, 0), ConfigError);
}

}  // namespace
}  // namespace nearfar
