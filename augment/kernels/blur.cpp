// The two directions of a symmetric blur: weighted sums of rows, and of one row at several offsets.
#include "augment/kernels/lanes.h"
#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// Registers that are summed side by side, to hide the latency of additions.
constexpr int kRegisters = 4;

/// `registers` vectors from `at` on.
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

/// Where the values of two neighbouring registers stand: from the offset-th on, these are the
/// places of a register that begins there.
constexpr int kPlaces[2 * kRowBlock] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                        11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/// The same along a row. Where a shuffle reaches, it takes what lies behind the middle from aligned
/// registers: loads that cross cache lines would be twice as many as the processor can do beside
/// the arithmetic.
template <int registers, bool shuffled>
__attribute__((always_inline)) inline void mix_shifted(const float* values, const float* weights,
                                                       int radius, float* out) {
  Lanes sum[registers];
  Lanes aligned[registers + 1];
  for (int j = 0; j <= registers && shuffled; ++j) aligned[j] = load<Lanes>(values + j * kLanes);
  for (int j = 0; j < registers; ++j) {
    sum[j] = weights[radius] * load<Lanes>(values + radius + j * kLanes);
  }
  for (int k = 0; k < radius; ++k) {
    const int offset = 2 * radius - k;
    const Places places = load<Places>(kPlaces + (shuffled ? offset : 0));
    for (int j = 0; j < registers; ++j) {
      const Lanes after = shuffled ? __builtin_shuffle(aligned[j], aligned[j + 1], places)
                                   : load<Lanes>(values + offset + j * kLanes);
      sum[j] += weights[k] * (load<Lanes>(values + k + j * kLanes) + after);
    }
  }
  for (int j = 0; j < registers; ++j) store(sum[j], out + j * kLanes);
}

template <bool shuffled>
void mix_row(const float* values, const float* weights, int radius, size_t count, float* out) {
  size_t at = 0;
  for (; at + kRegisters * kLanes <= count; at += kRegisters * kLanes) {
    mix_shifted<kRegisters, shuffled>(values + at, weights, radius, out + at);
  }
  for (; at < count; at += kLanes) {
    mix_shifted<1, shuffled>(values + at, weights, radius, out + at);
  }
}

}  // namespace

void mix_columns(const float* values, const float* weights, int radius, size_t count, float* out) {
  if (kShufflesFast && 2 * radius <= kLanes) {
    mix_row<kShufflesFast>(values, weights, radius, count, out);
  } else {
    mix_row<false>(values, weights, radius, count, out);
  }
}

void mix_rows(const float* const* rows, const float* weights, int radius, size_t begin, size_t end,
              float* out) {
  size_t at = begin;
  for (; at + kRegisters * kLanes <= end; at += kRegisters * kLanes) {
    mix_block<kRegisters>(rows, weights, radius, at, out);
  }
  for (; at < end; at += kLanes) mix_block<1>(rows, weights, radius, at, out);
}

}  // namespace nearfar::NEARFAR_KERNELS
