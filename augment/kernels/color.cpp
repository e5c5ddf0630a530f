// The colour operations of pixel.h over planar rows.
#include "augment/kernels/loops.h"
#include "augment/pixel.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// Replaces every pixel by change(pixel). The planes do not overlap.
template <typename Change>
__attribute__((always_inline)) inline void change_pixels(const PlanarRow& row, size_t count,
                                                         Change change) {
  float* __restrict red = row.red;
  float* __restrict green = row.green;
  float* __restrict blue = row.blue;
  for (size_t i = 0; i < count; ++i) {
    const Color color = change(Color{red[i], green[i], blue[i]});
    red[i] = color.red;
    green[i] = color.green;
    blue[i] = color.blue;
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

float sum_gray(const PlanarRow& row, int planes, size_t count) {
  const float* red = row.red;
  if (planes == 1) return sum_in_blocks(count, [=](size_t i) { return red[i]; });
  const float* green = row.green;
  const float* blue = row.blue;
  return sum_in_blocks(count, [=](size_t i) { return gray_level({red[i], green[i], blue[i]}); });
}

void adjust_brightness_row(float* values, size_t count, float factor) {
  for (size_t i = 0; i < count; ++i) values[i] = adjust_brightness(values[i], factor);
}

void adjust_contrast_row(float* values, size_t count, float mean, double ratio) {
  const Blend blend = make_blend(ratio);
  for (size_t i = 0; i < count; ++i) values[i] = blend_unit(values[i], mean, blend);
}

void adjust_saturation_row(const PlanarRow& row, size_t count, double ratio) {
  const Blend blend = make_blend(ratio);
  change_pixels(row, count, [=](Color color) { return adjust_saturation(color, blend); });
}

void adjust_hue_row(const PlanarRow& row, size_t count, float turns) {
  change_pixels(row, count, [=](Color color) { return adjust_hue(color, turns); });
}

void drop_color_row(const PlanarRow& row, size_t count) {
  float* __restrict red = row.red;
  const float* __restrict green = row.green;
  const float* __restrict blue = row.blue;
  for (size_t i = 0; i < count; ++i) red[i] = gray_level({red[i], green[i], blue[i]});
}

void solarize_row(float* values, size_t count, float threshold) {
  for (size_t i = 0; i < count; ++i) values[i] = solarize(values[i], threshold);
}

}  // namespace nearfar::NEARFAR_KERNELS
