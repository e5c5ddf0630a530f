// The arithmetic of one pixel, shared by the CPU and CUDA renderers: torchvision's float32
// operations.
#pragma once

#include <cmath>
#include <cstdint>

#include "augment/host_device.h"

namespace nearfar {

/// One RGB pixel, nominally in [0, 1].
struct Color {
  float red;
  float green;
  float blue;
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

NEARFAR_HOST_DEVICE inline float clamp_unit(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

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

/// max where `below` (how far the channel lies below the largest one, in ranges) is not positive,
/// elsewhere clamped to [0, 1]: torchvision leaves only the largest channel as it is.
NEARFAR_HOST_DEVICE inline float channel_below(float max, float range, float below) {
  const float lower = clamp_unit(max - range * fminf(below, 1.0f));
  return below > 0.0f ? lower : max;
}

/// Shifts the hue by `turns` in [-0.5, 0.5], without a branch, so that loops over pixels vectorise.
/// Over the circle of six primaries every channel is a trapezoid. Finite for any finite colour:
/// bicubic overshoot may be negative in all channels.
NEARFAR_HOST_DEVICE inline Color adjust_hue(Color color, float turns) {
  const float max = fmaxf(fmaxf(color.red, color.green), color.blue);
  const float range = max - fminf(fminf(color.red, color.green), color.blue);
  const bool red_leads = max == color.red;
  const bool green_leads = max == color.green;
  const float ahead = red_leads ? color.green : green_leads ? color.blue : color.red;
  const float behind = red_leads ? color.blue : green_leads ? color.red : color.green;
  const float lead = red_leads ? 0.0f : green_leads ? 2.0f : 4.0f;
  const float shifted = (ahead - behind) / (range == 0.0f ? 1.0f : range) + (lead + 6.0f * turns);
  const float raised = shifted < 0.0f ? shifted + 6.0f : shifted;
  const float sixths = raised >= 6.0f ? raised - 6.0f : raised;
  return {channel_below(max, range, 2.0f - fabsf(sixths - 3.0f)),
          channel_below(max, range, fabsf(sixths - 2.0f) - 1.0f),
          channel_below(max, range, fabsf(sixths - 4.0f) - 1.0f)};
}

NEARFAR_HOST_DEVICE inline float solarize(float value, float threshold) {
  return value >= threshold ? 1.0f - value : value;
}

}  // namespace nearfar
