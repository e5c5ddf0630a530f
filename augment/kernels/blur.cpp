// The two directions of a symmetric blur: weighted sums of rows, and of one row at several offsets.
#include "augment/kernels/lanes.h"
#include "augment/kernels/loops.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// Registers that are summed side by side, to hide the latency of additions.
constexpr int kRegisters = 4;

/// The weighted sum of middle(j) and, for every k < radius, of pair(k, j), for each register j.
template <int registers, typename Middle, typename Pair>
__attribute__((always_inline)) inline void mix(const float* weights, int radius, Middle middle,
                                               Pair pair, float* out) {
  Lanes sum[registers];
  for (int j = 0; j < registers; ++j) sum[j] = weights[radius] * middle(j);
  for (int k = 0; k < radius; ++k) {
    for (int j = 0; j < registers; ++j) sum[j] += weights[k] * pair(k, j);
  }
  for (int j = 0; j < registers; ++j) store(sum[j], out + j * kLanes);
}

/// Rows that lie one below the other, from `at` on.
template <int registers>
__attribute__((always_inline)) inline void mix_down(const float* const* rows, const float* weights,
                                                    int radius, size_t at, float* out) {
  const auto row = [=](int k, int j) { return load<Lanes>(rows[k] + at + j * kLanes); };
  mix<registers>(
      weights, radius, [=](int j) { return row(radius, j); },
      [=](int k, int j) { return row(k, j) + row(2 * radius - k, j); }, out + at);
}

/// Where the values of two neighbouring registers stand: from the offset-th on, these are the
/// places of a register that begins there.
constexpr int kPlaces[2 * kRowBlock] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                        11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/// One row at several offsets. Where a shuffle reaches, it takes what lies behind the middle from
/// aligned registers: loads that cross cache lines would be twice as many as the processor can do
/// beside the arithmetic.
template <int registers, bool shuffled>
__attribute__((always_inline)) inline void mix_across(const float* values, const float* weights,
                                                      int radius, float* out) {
  const auto shifted = [=](int k, int j) { return load<Lanes>(values + k + j * kLanes); };
  const auto shuffle = [=](int k, int j) {
    return __builtin_shuffle(shifted(0, j), shifted(kLanes, j), load<Places>(kPlaces + k));
  };
  mix<registers>(
      weights, radius, [=](int j) { return shifted(radius, j); },
      [=](int k, int j) {
        const int behind = 2 * radius - k;
        return shifted(k, j) + (shuffled ? shuffle(behind, j) : shifted(behind, j));
      },
      out);
}

template <bool shuffled>
void mix_row(const float* values, const float* weights, int radius, size_t count, float* out) {
  size_t at = 0;
  for (; at + kRegisters * kLanes <= count; at += kRegisters * kLanes) {
    mix_across<kRegisters, shuffled>(values + at, weights, radius, out + at);
  }
  for (; at < count; at += kLanes) {
    mix_across<1, shuffled>(values + at, weights, radius, out + at);
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
    mix_down<kRegisters>(rows, weights, radius, at, out);
  }
  for (; at < end; at += kLanes) mix_down<1>(rows, weights, radius, at, out);
}

}  // namespace nearfar::NEARFAR_KERNELS
