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
void store_values(const PlanarRows& rows, const OutputRow& output, Value* __restrict out) {
  const float* red = rows.values;
  if (output.channels == 3) {
    const bool gray = rows.planes == 1;
    store_pixels(red, gray ? red : red + rows.pitch, gray ? red : red + 2 * rows.pitch, output,
                 out);
    return;
  }
  const float mean = output.mean[0], scale = output.scale[0];
  for (int x = 0; x < output.width; ++x) convert((red[x] - mean) * scale, out + x);
}

template <typename Value>
void store_row(const PlanarRows& rows, const OutputRow& output, Value* out) {
  const size_t bytes = static_cast<size_t>(output.width) * output.channels * sizeof(Value);
  if (output.staging == nullptr) return store_values(rows, output, out);
  store_values(rows, output, static_cast<Value*>(output.staging));
  stream_bytes(output.staging, bytes, out);
}

}  // namespace

void store_float(const PlanarRows& rows, const OutputRow& output, float* out) {
  store_row(rows, output, out);
}

void store_bfloat16(const PlanarRows& rows, const OutputRow& output, Bfloat16* out) {
  store_row(rows, output, out);
}

}  // namespace nearfar::NEARFAR_KERNELS
