// Resampling weights, blur weights and reflection against their definitions.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "augment/blur.h"
#include "augment/resample.h"
#include "tests/augment/any.h"
#include "tests/augment/gold_renderer.h"

namespace nearfar {
namespace {

RC_GTEST_PROP(ResampleTaps, AreTheFilterAtThePixels, ()) {
  const int input = any_from(1, 600);
  const int output = any_from(1, 300);
  const int index = any_from(0, output);
  const auto interpolation = static_cast<Interpolation>(any_from(0, 2));
  const int most = most_taps(interpolation, input, output);
  std::vector<float> weights(most + 1, -9.0f);
  const TapRange taps = resample_taps(interpolation, input, output, index, weights.data());
  RC_ASSERT(weights[most] == -9.0f);
  RC_ASSERT(taps.first >= 0);
  RC_ASSERT(taps.count >= 1);
  RC_ASSERT(taps.first + taps.count <= input);
  const auto expected = gold::resample_weights(interpolation, input, output, index);
  for (int i = 0; i < input; ++i) {
    const bool inside = i >= taps.first && i < taps.first + taps.count;
    const float weight = inside ? weights[i - taps.first] : 0.0f;
    // Positions up to 600 are known to 3e-5 of a pixel in float32, and the filters' slope is at
    // most 1.2 per output pixel; a total of less than 1 in the last taps at a border adds to it.
    RC_ASSERT(std::abs(weight - expected[i]) < 1e-4);
  }
}

TEST(ResampleTaps, MeetPublishedValues) {
  // Halving four pixels with the triangle filter: distances 0.25, 0.25, 0.75 of the support.
  float weights[8];
  const TapRange bilinear = resample_taps(Interpolation::bilinear, 4, 2, 0, weights);
  EXPECT_EQ(bilinear.first, 0);
  EXPECT_EQ(bilinear.count, 3);
  EXPECT_NEAR(weights[0], 3.0 / 7.0, 1e-7);
  EXPECT_NEAR(weights[1], 3.0 / 7.0, 1e-7);
  EXPECT_NEAR(weights[2], 1.0 / 7.0, 1e-7);
  // Doubling with the cubic filter, a = -0.5: taps at -1.75 (cut), -0.75, 0.25, 1.25.
  const TapRange bicubic = resample_taps(Interpolation::bicubic, 10, 20, 9, weights);
  EXPECT_EQ(bicubic.first, 3);
  EXPECT_EQ(bicubic.count, 4);
  const double values[4] = {-0.0703125, 0.8671875, 0.2265625, -0.0234375};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(weights[i], values[i], 1e-6) << i;
}

TEST(GaussianWeights, AreTheNormalisedBell) {
  for (const int kernel : {1, 3, 9, 23}) {
    for (const double sigma : {0.1, 0.7, 2.0, 50.0}) {
      std::vector<float> weights(kernel + 1, -9.0f);
      gaussian_weights(kernel, sigma, weights.data());
      EXPECT_EQ(weights.back(), -9.0f);
      double total = 0.0;
      for (int i = 0; i < kernel; ++i)
        total += std::exp(-std::pow(i - kernel / 2, 2) / (2.0 * sigma * sigma));
      for (int i = 0; i < kernel; ++i) {
        const double bell = std::exp(-std::pow(i - kernel / 2, 2) / (2.0 * sigma * sigma)) / total;
        EXPECT_NEAR(weights[i], bell, 1e-7) << kernel << " " << sigma << " " << i;
      }
    }
  }
}

TEST(Reflect, DoesNotRepeatTheEnd) {
  const std::vector<int> expected{3, 2, 1, 0, 1, 2, 3, 2, 1, 0};
  for (int i = -3; i <= 6; ++i) EXPECT_EQ(reflect(i, 4), expected[i + 3]) << i;
  EXPECT_EQ(reflect(0, 1), 0);
}

TEST(BlurReach, LeavesOutLessThanFloatsResolve) {
  // The bound holds for the sum of all that is left out, which is 2^-24 but for the discreteness.
  for (double sigma = 0.1; sigma < 300.0; sigma *= 1.01) {
    const int kernel = 4095, reach = blur_reach(kernel, sigma);
    double inside = 1.0, outside = 0.0;
    for (int i = 1; i <= kernel / 2; ++i) {
      (i <= reach ? inside : outside) += 2.0 * std::exp(-0.5 * i * i / (sigma * sigma));
    }
    ASSERT_LT(outside / (inside + outside), 0x1p-23) << sigma;
    ASSERT_LE(reach, std::ceil(6.0 * sigma)) << sigma;
  }
  EXPECT_EQ(blur_reach(23, 50.0), 11);
  EXPECT_EQ(blur_reach(1, 3.0), 0);
}

}  // namespace
}  // namespace nearfar
