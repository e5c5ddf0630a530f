// Momentum of followers at the points where the formulas can be read off.
#include "framework/optimize/momentum.h"

#include <gtest/gtest.h>

#include "framework/error.h"

namespace nearfar {
namespace {

TEST(Momentum, GoesFromStartToFinalAlongHalfACosine) {
  const auto momentum = momentum_schedule({0.99, 1.0, "cosine"}, 100);
  EXPECT_DOUBLE_EQ(momentum(0.0), 0.99);
  EXPECT_DOUBLE_EQ(momentum(0.5), 0.995);
  EXPECT_DOUBLE_EQ(momentum(1.0), 1.0);
}

TEST(Momentum, LightlyEndsAtTheLastStep) {
  const auto momentum = momentum_schedule({0.9, 0.996, "cosine_lightly"}, 11);
  EXPECT_DOUBLE_EQ(momentum(0.0), 0.9);
  EXPECT_DOUBLE_EQ(momentum(5.0 / 11.0), 0.948);
  EXPECT_DOUBLE_EQ(momentum(10.0 / 11.0), 0.996);
  EXPECT_EQ(momentum_schedule({0.9, 0.996, "cosine_lightly"}, 1)(0.0), 0.996);
}

TEST(Momentum, MayStay) { EXPECT_EQ(momentum_schedule({0.999, 1.0, "constant"}, 10)(0.7), 0.999); }

TEST(Momentum, RefusesAnUnknownSchedule) {
  EXPECT_THROW(momentum_schedule({0.9, 1.0, "linear"}, 10), ConfigError);
}

}  // namespace
}  // namespace nearfar
