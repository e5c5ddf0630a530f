// The arithmetic of one pixel against values worked out by hand and against laws of colour.
#include "augment/pixel.h"

#include <gtest/gtest.h>

#include <cmath>

namespace nearfar {
namespace {

void expect_color(Color actual, Color expected, float tolerance = 1e-6f) {
  EXPECT_NEAR(actual.red, expected.red, tolerance);
  EXPECT_NEAR(actual.green, expected.green, tolerance);
  EXPECT_NEAR(actual.blue, expected.blue, tolerance);
}

TEST(Pixel, HueTurnsThroughThePrimaries) {
  const Color red{1, 0, 0}, yellow{1, 1, 0}, green{0, 1, 0}, cyan{0, 1, 1}, blue{0, 0, 1};
  expect_color(adjust_hue(red, 1.0f / 3), green);
  expect_color(adjust_hue(red, -1.0f / 3), blue);
  expect_color(adjust_hue(red, 0.5f), cyan);
  expect_color(adjust_hue(red, -0.5f), cyan);
  expect_color(adjust_hue(blue, 1.0f / 3), red);
  expect_color(adjust_hue(green, -1.0f / 6), yellow);
  expect_color(adjust_hue({0.25f, 0.25f, 0.25f}, 0.3f), {0.25f, 0.25f, 0.25f}, 0.0f);
}

TEST(Pixel, HueThereAndBackIsTheSameColor) {
  for (int i = 0; i < 1000; ++i) {
    const Color color{(i % 10) / 9.0f, (i / 10 % 10) / 9.0f, (i / 100) / 9.0f};
    for (const float turns : {0.0f, 0.05f, 0.21f, 0.5f})
      expect_color(adjust_hue(adjust_hue(color, turns), -turns), color, 3e-6f);
  }
}

TEST(Pixel, HueKeepsValueAndSaturation) {
  const HueSaturationValue before = rgb_to_hsv({0.2f, 0.7f, 0.5f});
  EXPECT_NEAR(before.hue, (2.0 + 0.3 / 0.5) / 6.0, 1e-6);
  EXPECT_NEAR(before.saturation, 0.5 / 0.7, 1e-6);
  EXPECT_EQ(before.value, 0.7f);
  const HueSaturationValue after = rgb_to_hsv(adjust_hue({0.2f, 0.7f, 0.5f}, 0.4f));
  EXPECT_NEAR(after.hue, before.hue + 0.4, 1e-6);
  EXPECT_NEAR(after.saturation, before.saturation, 1e-6);
  EXPECT_NEAR(after.value, before.value, 1e-6);
}

TEST(Pixel, HueOfOvershootIsFinite) {
  for (const float dark : {0.0f, 1e-40f, -1e-40f, -0.1f}) {
    const Color color = adjust_hue({dark, -0.2f, -0.15f}, 0.3f);
    EXPECT_TRUE(std::isfinite(color.red + color.green + color.blue)) << dark;
  }
}

TEST(Pixel, BlendsAreClamped) {
  EXPECT_NEAR(blend_unit(0.5f, 0.25f, make_blend(0.4)), 0.4 * 0.5 + 0.6 * 0.25, 1e-7);
  EXPECT_EQ(blend_unit(0.9f, 0.1f, make_blend(1.5)), 1.0f);
  EXPECT_EQ(blend_unit(0.1f, 0.9f, make_blend(1.5)), 0.0f);
  EXPECT_NEAR(adjust_brightness(0.25f, 1.5f), 0.375, 1e-7);
  EXPECT_EQ(adjust_brightness(0.75f, 1.5f), 1.0f);
  expect_color(adjust_saturation({1, 0, 0}, make_blend(0.0)), {0.2989f, 0.2989f, 0.2989f});
  expect_color(adjust_saturation({0.5f, 0.25f, 0.75f}, make_blend(1.0)), {0.5f, 0.25f, 0.75f});
}

TEST(Pixel, GrayWeighsTheChannels) {
  EXPECT_FLOAT_EQ(gray_level({1, 0, 0}), 0.2989f);
  EXPECT_FLOAT_EQ(gray_level({0, 1, 0}), 0.587f);
  EXPECT_FLOAT_EQ(gray_level({0, 0, 1}), 0.114f);
}

TEST(Pixel, SolarizeStartsAtTheThreshold) {
  EXPECT_EQ(solarize(0.25f, 0.25f), 0.75f);
  EXPECT_EQ(solarize(std::nextafter(0.25f, 0.0f), 0.25f), std::nextafter(0.25f, 0.0f));
  EXPECT_EQ(normalize(0.75f, 0.25f, 0.5f), 1.0f);
  EXPECT_EQ(unit_value(255), 1.0f);
  EXPECT_EQ(unit_value(51), 0.2f);
}

}  // namespace
}  // namespace nearfar
