// Which pixels of a crop an output pixel is made of, and with which weights: antialiased
// resampling.
#pragma once

#include "augment/host_device.h"
#include "augment/view.h"

namespace nearfar {

/// The pixels [first, first + count) of a crop's row or column.
struct TapRange {
  int first;
  int count;
};

/// Half the width of the filter in output pixels when enlarging: triangle 1, cubic 2.
NEARFAR_HOST_DEVICE inline float filter_radius(Interpolation interpolation) {
  return interpolation == Interpolation::bilinear ? 1.0f : 2.0f;
}

/// The triangle filter, or Keys' cubic with a = -0.5 (Pillow's choice for antialiasing).
NEARFAR_HOST_DEVICE inline float filter_value(Interpolation interpolation, float distance) {
  const float x = distance < 0.0f ? -distance : distance;
  if (interpolation == Interpolation::bilinear) return x < 1.0f ? 1.0f - x : 0.0f;
  if (x < 1.0f) return (1.5f * x - 2.5f) * x * x + 1.0f;
  if (x < 2.0f) return ((-0.5f * x + 2.5f) * x - 4.0f) * x + 2.0f;
  return 0.0f;
}

/// Half the width of the filter in input pixels, for `scale` input pixels an output pixel.
NEARFAR_HOST_DEVICE inline float filter_support(Interpolation interpolation, float scale) {
  return scale >= 1.0f ? filter_radius(interpolation) * scale : filter_radius(interpolation);
}

/// Input pixels per output pixel.
NEARFAR_HOST_DEVICE inline float resample_scale(int input_size, int output_size) {
  return static_cast<float>(input_size) / static_cast<float>(output_size);
}

/// An upper bound of TapRange::count: the room that resample_taps needs for its weights.
NEARFAR_HOST_DEVICE inline int most_taps(Interpolation interpolation, int input_size,
                                         int output_size) {
  const float support = filter_support(interpolation, resample_scale(input_size, output_size));
  const int whole = static_cast<int>(support);
  return 2 * (static_cast<float>(whole) < support ? whole + 1 : whole) + 1;
}

/// Where output pixel `index` lies among the input pixels; rounds where ATen's
/// upsample_bilinear2d_aa and upsample_bicubic2d_aa round: positions in float32, half pixels added
/// in double.
NEARFAR_HOST_DEVICE inline float resample_center(int input_size, int output_size, int index) {
  return static_cast<float>(resample_scale(input_size, output_size) * (index + 0.5));
}

/// The input pixels of output pixel `index`. Both ends never decrease with the index.
NEARFAR_HOST_DEVICE inline TapRange tap_range(Interpolation interpolation, int input_size,
                                              int output_size, int index) {
  const float scale = resample_scale(input_size, output_size);
  const float support = filter_support(interpolation, scale);
  const float center = resample_center(input_size, output_size, index);
  const int begin = static_cast<int>((center - support) + 0.5);
  const int end = static_cast<int>((center + support) + 0.5);
  TapRange taps;
  taps.first = begin > 0 ? begin : 0;
  taps.count = (end < input_size ? end : input_size) - taps.first;
  const int room = most_taps(interpolation, input_size, output_size);
  if (taps.count > room) taps.count = room;
  return taps;
}

/// How fast the filter is passed through: 1 / scale when shrinking, else 1.
NEARFAR_HOST_DEVICE inline float filter_speed(int input_size, int output_size) {
  const float scale = resample_scale(input_size, output_size);
  return scale >= 1.0f ? 1.0f / scale : 1.0f;
}

/// What input pixel `position` weighs for the output pixel at `center`, before the division by the
/// sum of all.
NEARFAR_HOST_DEVICE inline float tap_value(Interpolation interpolation, float center, float speed,
                                           int position) {
  const double offset = (static_cast<float>(position) - center) + 0.5;
  return filter_value(interpolation, static_cast<float>(offset * speed));
}

/// The taps of output pixel `index`, and their weights, which sum to 1.
NEARFAR_HOST_DEVICE inline TapRange resample_taps(Interpolation interpolation, int input_size,
                                                  int output_size, int index, float* weights) {
  const TapRange taps = tap_range(interpolation, input_size, output_size, index);
  const float center = resample_center(input_size, output_size, index);
  const float speed = filter_speed(input_size, output_size);
  float total = 0.0f;
  for (int tap = 0; tap < taps.count; ++tap) {
    weights[tap] = tap_value(interpolation, center, speed, taps.first + tap);
    total += weights[tap];
  }
  for (int tap = 0; tap < taps.count; ++tap) weights[tap] /= total;
  return taps;
}

}  // namespace nearfar
