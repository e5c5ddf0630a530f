// The colour operations of pixel.h over planar rows.
#include "augment/kernels/loops.h"
#include "augment/pixel.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// Replaces every value by change(value).
template <typename Change>
__attribute__((always_inline)) inline void change_values(const PlanarRows& rows, Change change) {
  float* values = rows.values;
  const size_t count = rows.count() / kRowBlock * kRowBlock;
  for (size_t i = 0; i < count; ++i) values[i] = change(values[i]);
}

/// Replaces every pixel of rows of three planes by change(pixel).
template <typename Change>
__attribute__((always_inline)) inline void change_pixels(const PlanarRows& rows, Change change) {
  const size_t pitch = rows.pitch / kRowBlock * kRowBlock;
  for (int y = 0; y < rows.rows; ++y) {
    float* __restrict red = rows.values + y * 3 * rows.pitch;
    float* __restrict green = red + rows.pitch;
    float* __restrict blue = green + rows.pitch;
    for (size_t i = 0; i < pitch; ++i) {
      const Color color = change(Color{red[i], green[i], blue[i]});
      red[i] = color.red;
      green[i] = color.green;
      blue[i] = color.blue;
    }
  }
}

/// The sum of value(i): as many partial sums as a block has floats, so that the order of the sum is
/// the same for registers of any width.
template <typename Value>
__attribute__((always_inline)) inline float sum_in_blocks(size_t count, Value value) {
  float partial[kRowBlock] = {};
  const size_t whole = count / kRowBlock * kRowBlock;
  for (size_t i = 0; i < whole; i += kRowBlock) {
    for (int j = 0; j < kRowBlock; ++j) partial[j] += value(i + j);
  }
  for (size_t i = whole; i < count; ++i) partial[i - whole] += value(i);
  float sum = 0.0f;
  for (const float part : partial) sum += part;
  return sum;
}

}  // namespace

double sum_gray_rows(const PlanarRows& rows, size_t width) {
  double sum = 0.0;
  for (int y = 0; y < rows.rows; ++y) {
    const float* red = rows.values + y * rows.planes * rows.pitch;
    if (rows.planes == 1) {
      sum += sum_in_blocks(width, [=](size_t i) { return red[i]; });
      continue;
    }
    const float* green = red + rows.pitch;
    const float* blue = green + rows.pitch;
    sum += sum_in_blocks(width, [=](size_t i) { return gray_level({red[i], green[i], blue[i]}); });
  }
  return sum;
}

void adjust_brightness_rows(const PlanarRows& rows, float factor) {
  change_values(rows, [=](float value) { return adjust_brightness(value, factor); });
}

void adjust_contrast_rows(const PlanarRows& rows, float mean, double ratio) {
  const Blend blend = make_blend(ratio);
  change_values(rows, [=](float value) { return blend_unit(value, mean, blend); });
}

void adjust_saturation_rows(const PlanarRows& rows, double ratio) {
  const Blend blend = make_blend(ratio);
  change_pixels(rows, [=](Color color) { return adjust_saturation(color, blend); });
}

void adjust_hue_rows(const PlanarRows& rows, float turns) {
  change_pixels(rows, [=](Color color) { return adjust_hue(color, turns); });
}

void drop_color_rows(const PlanarRows& rows) {
  change_pixels(rows, [](Color color) {
    return Color{gray_level(color), color.green, color.blue};
  });
}

void solarize_rows(const PlanarRows& rows, float threshold) {
  change_values(rows, [=](float value) { return solarize(value, threshold); });
}

}  // namespace nearfar::NEARFAR_KERNELS
