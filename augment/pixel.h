// The arithmetic of one pixel, shared by the CPU and CUDA renderers: torchvision's float32
// operations.
#pragma once

#include <cstdint>

#include "augment/host_device.h"

namespace nearfar {

/// One RGB pixel, nominally in [0, 1].
struct Color {
  float red;
  float green;
  float blue;
};

/// A pixel in HSV; hue in turns [0, 1].
struct HueSaturationValue {
  float hue;
  float saturation;
  float value;
};

/// The two weights of a blend: ratio and 1 - ratio, subtracted before rounding to float32.
struct Blend {
  float ratio;
  float rest;
};

/// An 8-bit level on the scale [0, 1].
NEARFAR_HOST_DEVICE inline float unit_value(uint8_t level) {
  return static_cast<float>(level) / 255.0f;
}

NEARFAR_HOST_DEVICE inline float clamp_unit(float value) {
  const float raised = value < 0.0f ? 0.0f : value;
  return raised > 1.0f ? 1.0f : raised;
}

NEARFAR_HOST_DEVICE inline float gray_level(Color color) {
  return 0.2989f * color.red + 0.587f * color.green + 0.114f * color.blue;
}

NEARFAR_HOST_DEVICE inline Blend make_blend(double ratio) {
  return {static_cast<float>(ratio), static_cast<float>(1.0 - ratio)};
}

/// ratio * value + (1 - ratio) * other, clamped. Contrast blends with the picture's mean gray
/// level, saturation with the pixel's own.
NEARFAR_HOST_DEVICE inline float blend_unit(float value, float other, Blend blend) {
  return clamp_unit(blend.ratio * value + blend.rest * other);
}

NEARFAR_HOST_DEVICE inline float adjust_brightness(float value, float factor) {
  return clamp_unit(value * factor);
}

NEARFAR_HOST_DEVICE inline Color adjust_saturation(Color color, Blend blend) {
  const float gray = gray_level(color);
  return {blend_unit(color.red, gray, blend), blend_unit(color.green, gray, blend),
          blend_unit(color.blue, gray, blend)};
}

NEARFAR_HOST_DEVICE inline HueSaturationValue rgb_to_hsv(Color color) {
  const float red_green_max = color.red > color.green ? color.red : color.green;
  const float red_green_min = color.red < color.green ? color.red : color.green;
  const float max = red_green_max > color.blue ? red_green_max : color.blue;
  const float min = red_green_min < color.blue ? red_green_min : color.blue;
  const float range = max - min;
  const float range_divisor = range == 0.0f ? 1.0f : range;
  // Bicubic overshoot can bring a largest channel of 0 beside negative ones; dividing by it would
  // bring infinities and then NaN into the picture. Within [0, 1] this never differs.
  const bool divisible = max > 1e-30f || max < -1e-30f;
  const float red = (max - color.red) / range_divisor;
  const float green = (max - color.green) / range_divisor;
  const float blue = (max - color.blue) / range_divisor;
  const float sextant = max == color.red     ? blue - green
                        : max == color.green ? (red + 2.0f) - blue
                                             : (green + 4.0f) - red;
  const float turns = sextant * (1.0f / 6.0f) + 1.0f;
  return {turns >= 1.0f ? turns - 1.0f : turns, range / (divisible ? max : 1.0f), max};
}

NEARFAR_HOST_DEVICE inline Color hsv_to_rgb(HueSaturationValue color) {
  const float sixths = color.hue * 6.0f;
  const int whole = static_cast<int>(sixths);
  const float fraction = sixths - static_cast<float>(whole);
  const int sextant = whole >= 6 ? whole - 6 : whole;
  const float value = color.value;
  const float low = clamp_unit((1.0f - color.saturation) * value);
  const float falling = clamp_unit((1.0f - color.saturation * fraction) * value);
  const float rising =
      clamp_unit((color.saturation * fraction + (1.0f - color.saturation)) * value);
  switch (sextant) {
    case 0:
      return {value, rising, low};
    case 1:
      return {falling, value, low};
    case 2:
      return {low, value, rising};
    case 3:
      return {low, falling, value};
    case 4:
      return {rising, low, value};
    default:
      return {value, low, falling};
  }
}

/// Shifts the hue by `turns` in [-0.5, 0.5].
NEARFAR_HOST_DEVICE inline Color adjust_hue(Color color, float turns) {
  HueSaturationValue shifted = rgb_to_hsv(color);
  shifted.hue += turns;
  if (shifted.hue < 0.0f) shifted.hue += 1.0f;
  if (shifted.hue >= 1.0f) shifted.hue -= 1.0f;
  return hsv_to_rgb(shifted);
}

NEARFAR_HOST_DEVICE inline float solarize(float value, float threshold) {
  return value >= threshold ? 1.0f - value : value;
}

NEARFAR_HOST_DEVICE inline float normalize(float value, float mean, float std) {
  return (value - mean) / std;
}

}  // namespace nearfar
