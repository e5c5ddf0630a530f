// Antialiased resampling: rows of levels are mixed, then columns of the mixed rows.
#include "augment/kernels/lanes.h"
#include "augment/kernels/loops.h"
#include "augment/pixel.h"

namespace nearfar::NEARFAR_KERNELS {
namespace {

/// Levels that are widened to floats at once: a register of them, or without AVX the sixteen that
/// unpack without a remainder.
constexpr int kLevelBlock = kLanes > 4 ? kLanes : kRowBlock;

struct LevelSums {
  float values[kLevelBlock];
};

/// (add ? before : 0) + the weighted sum of `taps` rows of levels.
template <int taps, bool add>
__attribute__((always_inline)) inline LevelSums mix_block(const uint8_t* levels, size_t pitch,
                                                          const float* weights,
                                                          const float* before) {
  LevelSums sums;
  for (int j = 0; j < kLevelBlock; ++j) sums.values[j] = add ? before[j] : 0.0f;
  for (int t = 0; t < taps; ++t) {
    // Through int: from bytes straight to floats GCC 12 widens in several steps.
    int wide[kLevelBlock];
    for (int j = 0; j < kLevelBlock; ++j) wide[j] = levels[t * pitch + j];
    for (int j = 0; j < kLevelBlock; ++j) {
      sums.values[j] += weights[t] * static_cast<float>(wide[j]);
    }
  }
  return sums;
}

template <int taps, bool add>
void mix_some(const uint8_t* __restrict levels, size_t pitch, const float* weights, size_t count,
              float* __restrict out) {
  float weight[taps];
  for (int t = 0; t < taps; ++t) weight[t] = weights[t];
  if (count < kLevelBlock) {
    for (size_t i = 0; i < count; ++i) {
      float sum = add ? out[i] : 0.0f;
      for (int t = 0; t < taps; ++t) sum += weight[t] * static_cast<float>(levels[t * pitch + i]);
      out[i] = sum;
    }
    return;
  }
  // The last block overlaps the one before it, so it is computed before that one is written.
  const size_t last = count - kLevelBlock;
  const LevelSums end = mix_block<taps, add>(levels + last, pitch, weight, out + last);
  for (size_t i = 0; i < last; i += kLevelBlock) {
    const LevelSums sums = mix_block<taps, add>(levels + i, pitch, weight, out + i);
    __builtin_memcpy(out + i, sums.values, sizeof(sums));
  }
  __builtin_memcpy(out + last, end.values, sizeof(end));
}

template <bool add>
void mix_up_to_four(const uint8_t* levels, size_t pitch, const float* weights, int taps,
                    size_t count, float* out) {
  switch (taps) {
    case 1:
      return mix_some<1, add>(levels, pitch, weights, count, out);
    case 2:
      return mix_some<2, add>(levels, pitch, weights, count, out);
    case 3:
      return mix_some<3, add>(levels, pitch, weights, count, out);
    default:
      return mix_some<4, add>(levels, pitch, weights, count, out);
  }
}

/// Interleaved floats of a row that are resampled before they are split into planes: whole blocks
/// of whole pixels, few enough to stay in the first cache and so many that loads do not wait for
/// the stores before them.
constexpr size_t kSplitFloats = 24 * kRowBlock;

/// kTileRows rows that begin `pitch` apart.
template <typename Value>
struct Rows {
  Value* first;
  size_t pitch;
  Value* at(int y) const { return first + y * pitch; }
};

/// Floats [from, to) of the output rows, a register at a time: its values lie so close together in
/// the input that a shuffle of two registers finds them. `taps` 0: known at run time only.
template <int taps>
__attribute__((always_inline)) inline void resample_lanes(Rows<const float> rows,
                                                          ColumnTaps columns, size_t from,
                                                          size_t to, Rows<float> out) {
  const int count = taps == 0 ? columns.taps : taps;
  for (size_t i = from; i < to; i += kLanes) {
    const int lowest = columns.lowest[i / kRowBlock];
    const Places places = load<Places>(columns.place + i) - lowest;
    Lanes sum[kTileRows] = {};
    for (int t = 0; t < count; ++t) {
      const Lanes weights = load<Lanes>(columns.weights + t * columns.count + i);
      for (int y = 0; y < kTileRows; ++y) {
        const float* values = rows.at(y) + lowest + t * columns.channels;
        const Lanes tap =
            weights * __builtin_shuffle(load<Lanes>(values), load<Lanes>(values + kLanes), places);
        sum[y] = t == 0 ? tap : sum[y] + tap;
      }
    }
    for (int y = 0; y < kTileRows; ++y) store(sum[y], out.at(y) + (i - from));
  }
}

/// The same, an RGB pixel at a time; one float behind out is overwritten.
template <int taps>
__attribute__((always_inline)) inline void resample_pixels(Rows<const float> rows,
                                                           ColumnTaps columns, size_t from,
                                                           size_t to, Rows<float> out) {
  const int count = taps == 0 ? columns.taps : taps;
  for (size_t i = from; i < to; i += 3) {
    PixelLanes sum[kTileRows] = {};
    for (int t = 0; t < count; ++t) {
      const float weight = columns.weights[t * columns.count + i];
      for (int y = 0; y < kTileRows; ++y) {
        const PixelLanes tap = weight * load<PixelLanes>(rows.at(y) + columns.place[i] + 3 * t);
        sum[y] = t == 0 ? tap : sum[y] + tap;
      }
    }
    for (int y = 0; y < kTileRows; ++y) store(sum[y], out.at(y) + (i - from));
  }
}

/// The same, a value at a time.
void resample_values(Rows<const float> rows, ColumnTaps columns, size_t from, size_t to,
                     Rows<float> out) {
  for (size_t i = from; i < to; ++i) {
    for (int y = 0; y < kTileRows; ++y) {
      const float* values = rows.at(y) + columns.place[i];
      float sum = columns.weights[i] * values[0];
      for (int t = 1; t < columns.taps; ++t) {
        sum += columns.weights[t * columns.count + i] * values[t];
      }
      out.at(y)[i - from] = sum;
    }
  }
}

void split_planes(const float* __restrict pixels, size_t count, size_t pitch,
                  float* __restrict out) {
  for (size_t x = 0; x < count; ++x) {
    out[x] = pixels[3 * x];
    out[pitch + x] = pixels[3 * x + 1];
    out[2 * pitch + x] = pixels[3 * x + 2];
  }
}

/// Floats [from, to) of the output rows in the fastest way there is for them.
template <int taps>
void resample_some(Rows<const float> rows, const ColumnTaps& columns, size_t from, size_t to,
                   Rows<float> out) {
  if (kShufflesFast && columns.narrow) {
    resample_lanes<taps>(rows, columns, from, to, out);
  } else if (columns.channels == 3) {
    resample_pixels<taps>(rows, columns, from, to, out);
  } else {
    resample_values(rows, columns, from, to, out);
  }
}

template <int taps>
void resample_tile(Rows<const float> rows, const ColumnTaps& columns, Rows<float> out) {
  if (columns.channels == 1) return resample_some<taps>(rows, columns, 0, columns.count, out);
  constexpr size_t kPitch = kSplitFloats + kRowBlock;  // room for what resample_pixels overwrites
  float pixels[kTileRows * kPitch];
  for (size_t from = 0; from < columns.count; from += kSplitFloats) {
    const size_t rest = columns.count - from;
    const size_t count = rest < kSplitFloats ? rest : kSplitFloats;
    resample_some<taps>(rows, columns, from, from + count, {pixels, kPitch});
    for (int y = 0; y < kTileRows; ++y) {
      split_planes(pixels + y * kPitch, count / 3, columns.count / 3, out.at(y) + from / 3);
    }
  }
}

}  // namespace

void mix_levels(const uint8_t* levels, size_t pitch, const float* weights, int taps, size_t count,
                float* out) {
  if (taps == 1) {
    for (size_t i = 0; i < count; ++i) out[i] = unit_value(levels[i]);
    return;
  }
  mix_up_to_four<false>(levels, pitch, weights, taps, count, out);
  for (int done = 4; done < taps; done += 4) {
    mix_up_to_four<true>(levels + done * pitch, pitch, weights + done, taps - done, count, out);
  }
}

void resample_columns(const float* rows, size_t pitch, const ColumnTaps& columns, float* out,
                      size_t out_pitch) {
  const Rows<const float> from{rows, pitch};
  const Rows<float> to{out, out_pitch};
  switch (columns.taps) {
    case 1:
      return resample_tile<1>(from, columns, to);
    case 2:
      return resample_tile<2>(from, columns, to);
    case 3:
      return resample_tile<3>(from, columns, to);
    case 4:
      return resample_tile<4>(from, columns, to);
    case 5:
      return resample_tile<5>(from, columns, to);
    default:
      return resample_tile<0>(from, columns, to);
  }
}

}  // namespace nearfar::NEARFAR_KERNELS
