// The last stage: normalised, interleaved and, if wanted, rounded to bfloat16.
#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

__attribute__((always_inline)) inline void convert(float value, float* out) { *out = value; }
__attribute__((always_inline)) inline void convert(float value, Bfloat16* out) {
  *out = to_bfloat16(value);
}

template <typename Value>
void store_pixels(const float* red, const float* green, const float* blue, const OutputRow& output,
                  Value* __restrict out) {
  const float mean[3] = {output.mean[0], output.mean[1], output.mean[2]};
  const float scale[3] = {output.scale[0], output.scale[1], output.scale[2]};
  const int width = output.width;
  for (int x = 0; x < width; ++x) {
    convert((red[x] - mean[0]) * scale[0], out + 3 * x);
    convert((green[x] - mean[1]) * scale[1], out + 3 * x + 1);
    convert((blue[x] - mean[2]) * scale[2], out + 3 * x + 2);
  }
}

template <typename Value>
void store_row(const PlanarRow& row, const OutputRow& output, Value* __restrict out) {
  if (output.channels == 3) {
    const bool gray = output.planes == 1;
    store_pixels(row.red, gray ? row.red : row.green, gray ? row.red : row.blue, output, out);
    return;
  }
  const float mean = output.mean[0], scale = output.scale[0];
  for (int x = 0; x < output.width; ++x) convert((row.red[x] - mean) * scale, out + x);
}

}  // namespace

void store_float(const PlanarRow& row, const OutputRow& output, float* out) {
  store_row(row, output, out);
}

void store_bfloat16(const PlanarRow& row, const OutputRow& output, Bfloat16* out) {
  store_row(row, output, out);
}

}  // namespace nearfar::NEARFAR_KERNELS
