// One direction of a symmetric blur: a weighted sum of rows, or of one row at several offsets.
#include "augment/kernels/lanes.h"
#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// `registers` vectors from `at` on, summed side by side to hide the latency of additions.
template <int registers>
__attribute__((always_inline)) inline void mix_block(const float* const* rows, const float* weights,
                                                     int radius, size_t at, float* out) {
  Lanes sum[registers];
  for (int j = 0; j < registers; ++j) {
    sum[j] = weights[radius] * load<Lanes>(rows[radius] + at + j * kLanes);
  }
  for (int k = 0; k < radius; ++k) {
    const float* before = rows[k] + at;
    const float* after = rows[2 * radius - k] + at;
    for (int j = 0; j < registers; ++j) {
      sum[j] += weights[k] * (load<Lanes>(before + j * kLanes) + load<Lanes>(after + j * kLanes));
    }
  }
  for (int j = 0; j < registers; ++j) store(sum[j], out + at + j * kLanes);
}

}  // namespace

void mix_rows(const float* const* rows, const float* weights, int radius, size_t count,
              float* out) {
  constexpr int kRegisters = 4;
  size_t at = 0;
  for (; at + kRegisters * kLanes <= count; at += kRegisters * kLanes) {
    mix_block<kRegisters>(rows, weights, radius, at, out);
  }
  for (; at < count; at += kLanes) mix_block<1>(rows, weights, radius, at, out);
}

}  // namespace nearfar::NEARFAR_KERNELS
