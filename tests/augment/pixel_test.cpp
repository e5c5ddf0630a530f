// The arithmetic of one pixel against values worked out by hand and against laws of colour.
#include "augment/pixel.h"

#include <gtest/gtest.h>

#include <cmath>

#include "augment/bfloat16.h"

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
  // Hue 2.6 sixths and 0.4 of a turn are 5 sixths: red and blue are largest, red falls to the end.
  const Color shifted = adjust_hue({0.2f, 0.7f, 0.5f}, 0.4f);
  expect_color(shifted, {0.7f, 0.2f, 0.7f});
}

TEST(Pixel, HueClampsAllButTheLargestChannel) {
  // torchvision's table of six cases: v stays as it is, p, q and t are clamped.
  const Color bright = adjust_hue({1.2f, 1.1f, -0.2f}, 0.0f);
  EXPECT_EQ(bright.red, 1.2f);
  EXPECT_EQ(bright.green, 1.0f);
  EXPECT_EQ(bright.blue, 0.0f);
}

TEST(Pixel, BfloatsAreTheNearest) {
  EXPECT_EQ(to_bfloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(-2.5f).bits, 0xc020);
  // Between 1 and 1 + 2^-7: below the middle down, above it up, at it to the even neighbour.
  EXPECT_EQ(to_bfloat16(1.0f + 0.4f / 128).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(1.0f + 0.6f / 128).bits, 0x3f81);
  EXPECT_EQ(to_bfloat16(1.0f + 0.5f / 128).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(1.0f + 1.5f / 128).bits, 0x3f82);
  for (int i = -1000; i <= 1000; ++i) {
    const float value = 0.0137f * static_cast<float>(i);
    EXPECT_NEAR(to_float(to_bfloat16(value)), value, std::abs(value) / 256);
  }
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
  EXPECT_EQ(unit_value(255), 1.0f);
  EXPECT_EQ(unit_value(51), 0.2f);
}

}  // namespace
}  // namespace nearfar
