// The first kernel: crop, resize, flip and the colour steps before contrast, one tile a block.
#pragma once

#include "augment/block.h"
#include "augment/device_batch.h"
#include "augment/device_color.h"
#include "augment/resample.h"

namespace nearfar {

/// Rows of the crop that are resampled along x before they are combined along y.
inline constexpr int kChunkRows = 32;
inline constexpr int kTileRowsPerThread = kTileSide * kTileSide / kResampleThreads;
inline constexpr int kRowGroups = kResampleThreads / kTileSide;

/// Weights of a tile's axis that shared memory holds: 72 taps a pixel, enough to shrink 35-fold
/// (17-fold with bicubic). Where there are more, each weight is computed where it is used.
inline constexpr int kTableWeights = 2304;

/// One axis of a tile: output pixels from `begin` on of a resize.
struct TileAxis {
  Interpolation interpolation;
  int input;
  int output;
  int begin;
  bool mirrored;
  int room;         // weights of one pixel in the table
  bool table;       // whether all fit
  float speed;      // of the filter, where they do not
  TapRange inputs;  // what all pixels are made of, where the axis is not mirrored
  TapRange taps[kTileSide];
  float centers[kTileSide];
  float shares[kTileSide];  // 1 / the sum of values
  float weights[kTableWeights];

  NEARFAR_HOST_DEVICE inline int index(int place) const {
    return mirrored ? output - 1 - (begin + place) : begin + place;
  }
};

/// What a block of the first kernel shares.
struct ResampleShared {
  DeviceView view;
  TileAxis columns;
  TileAxis rows;
  float narrowed[kChunkRows * kTileSide * 3];  // [row, column, channel] 8-bit levels, weighted
};

/// Fills all but what fill_taps does.
NEARFAR_HOST_DEVICE inline void fill_axis(Interpolation interpolation, int input, int output,
                                          int begin, bool mirrored, TileAxis& axis) {
  axis.interpolation = interpolation;
  axis.input = input;
  axis.output = output;
  axis.begin = begin;
  axis.mirrored = mirrored;
  const int places = output - begin < kTileSide ? output - begin : kTileSide;
  axis.room = most_taps(interpolation, input, output);
  axis.table = axis.room <= kTableWeights / places;
  axis.speed = filter_speed(input, output);
  const TapRange low = tap_range(interpolation, input, output, begin);
  const TapRange high = tap_range(interpolation, input, output, begin + places - 1);
  axis.inputs = {low.first, high.first + high.count - low.first};
}

/// Finds the taps of one pixel; weights that are zero at either end are left out of tables.
NEARFAR_HOST_DEVICE inline void fill_taps(TileAxis& axis, int place) {
  if (axis.begin + place >= axis.output) return;
  const int index = axis.index(place);
  TapRange taps = tap_range(axis.interpolation, axis.input, axis.output, index);
  const float center = resample_center(axis.input, axis.output, index);
  if (axis.table) {
    float* weights = axis.weights + place * axis.room;
    resample_taps(axis.interpolation, axis.input, axis.output, index, weights);
    int leading = 0;
    while (leading + 1 < taps.count && weights[leading] == 0.0f) ++leading;
    while (taps.count > leading + 1 && weights[taps.count - 1] == 0.0f) --taps.count;
    taps = {taps.first + leading, taps.count - leading};
    for (int tap = 0; leading > 0 && tap < taps.count; ++tap) weights[tap] = weights[tap + leading];
  } else {
    float total = 0.0f;
    for (int tap = 0; tap < taps.count; ++tap)
      total += tap_value(axis.interpolation, center, axis.speed, taps.first + tap);
    axis.centers[place] = center;
    axis.shares[place] = 1.0f / total;
  }
  axis.taps[place] = taps;
}

/// Calls add(input pixel, weight) for the taps of output pixel `place` that lie in [begin, end).
template <typename Add>
NEARFAR_HOST_DEVICE inline void for_each_tap(const TileAxis& axis, int place, int begin, int end,
                                             Add add) {
  const TapRange taps = axis.taps[place];
  const int from = taps.first > begin ? taps.first : begin;
  const int until = taps.first + taps.count < end ? taps.first + taps.count : end;
  if (axis.table) {
    const float* weights = axis.weights + place * axis.room;
    for (int at = from; at < until; ++at) add(at, weights[at - taps.first]);
    return;
  }
  const float center = axis.centers[place];
  const float share = axis.shares[place];
  for (int at = from; at < until; ++at)
    add(at, tap_value(axis.interpolation, center, axis.speed, at) * share);
}

/// Resamples rows [begin, end) of the crop along x, for one column of the tile and every
/// kRowGroups-th row: all of them at once, so that many loads are under way together.
template <int kChannels>
NEARFAR_HOST_DEVICE inline void narrow_rows(ResampleShared& shared, int begin, int end,
                                            int thread) {
  const TileAxis& columns = shared.columns;
  constexpr int kRows = kChunkRows / kRowGroups;
  const int column = thread % kTileSide;
  if (columns.begin + column >= columns.output) return;
  const uint8_t* pixels[kRows];
  float sums[kRows][kChannels] = {};
  NEARFAR_UNROLL
  for (int i = 0; i < kRows; ++i) {
    const int row = begin + thread / kTileSide + i * kRowGroups;
    pixels[i] = shared.view.corner + (row < end ? row : end - 1) * shared.view.pitch;
  }
  for_each_tap(columns, column, 0, columns.input, [&](int at, float weight) {
    NEARFAR_UNROLL
    for (int i = 0; i < kRows; ++i) {
      for (int c = 0; c < kChannels; ++c)
        sums[i][c] += weight * static_cast<float>(pixels[i][at * kChannels + c]);
    }
  });
  float* narrowed = shared.narrowed + thread * kChannels;
  NEARFAR_UNROLL
  for (int i = 0; i < kRows; ++i) {
    for (int c = 0; c < kChannels; ++c) narrowed[i * kResampleThreads * kChannels + c] = sums[i][c];
  }
}

/// The pixels of one thread: a column of the tile, every kRowGroups-th row.
template <int kChannels>
struct TileSums {
  float values[kTileRowsPerThread][kChannels];
};

/// Adds what rows [begin, end) of the crop contribute to a thread's pixels.
template <int kChannels>
NEARFAR_HOST_DEVICE inline void add_rows(const ResampleShared& shared, int begin, int end,
                                         int thread, TileSums<kChannels>& sums) {
  const TileAxis& rows = shared.rows;
  const float* column = shared.narrowed + thread % kTileSide * kChannels;
  NEARFAR_UNROLL
  for (int i = 0; i < kTileRowsPerThread; ++i) {
    const int place = thread / kTileSide + i * kRowGroups;
    if (rows.begin + place >= rows.output) continue;
    for_each_tap(rows, place, begin, end, [&](int at, float weight) {
      const float* narrowed = column + (at - begin) * (kTileSide * kChannels);
      for (int c = 0; c < kChannels; ++c) sums.values[i][c] += weight * narrowed[c];
    });
  }
}

/// Brings a thread's pixels to [0, 1], applies the steps before contrast and writes them, one plane
/// a channel. Returns the sum of their gray levels.
template <int kChannels>
NEARFAR_HOST_DEVICE inline float store_pixels(const DevicePlan& plan, const ResampleShared& shared,
                                              int thread, const TileSums<kChannels>& sums,
                                              float* picture) {
  const DeviceView& view = shared.view;
  const int x = shared.columns.begin + thread % kTileSide;
  if (x >= plan.size.width) return 0.0f;
  const int64_t plane = pixel_count(plan);
  float gray = 0.0f;
  NEARFAR_UNROLL
  for (int i = 0; i < kTileRowsPerThread; ++i) {
    const int y = shared.rows.begin + thread / kTileSide + i * kRowGroups;
    if (y >= plan.size.height) continue;
    Color color{sums.values[i][0] / 255.0f, 0.0f, 0.0f};
    if (kChannels == 3) {
      color.green = sums.values[i][kChannels / 2] / 255.0f;
      color.blue = sums.values[i][kChannels - 1] / 255.0f;
    }
    color = apply_steps<kChannels>(view, 0, view.contrast, 0.0f, color);
    float* pixel = picture + int64_t{y} * plan.size.width + x;
    pixel[0] = color.red;
    if (kChannels == 3) {
      pixel[plane] = color.green;
      pixel[2 * plane] = color.blue;
    }
    gray += gray_of<kChannels>(color);
  }
  return gray;
}

/// Adds one number of every thread, always in the same order. `room` holds as many as there are
/// threads. Writes the sum to `total`.
template <typename Threads>
NEARFAR_HOST_DEVICE inline void sum_block(float* room, float* total) {
  Threads::each([&](int thread) {
    if (thread >= kTileSide) return;
    float sum = room[thread];
    for (int i = thread + kTileSide; i < kResampleThreads; i += kTileSide) sum += room[i];
    room[thread] = sum;
  });
  Threads::each([&](int thread) {
    if (thread > 0) return;
    float sum = room[0];
    for (int i = 1; i < kTileSide; ++i) sum += room[i];
    *total = sum;
  });
}

/// Runs through the rows of the crop that a tile is made of, a chunk at a time.
template <typename Threads, int kChannels, typename Sums>
NEARFAR_HOST_DEVICE inline void resample_pixels(ResampleShared& shared, Sums& sums) {
  const int stop = shared.rows.inputs.first + shared.rows.inputs.count;
  for (int begin = shared.rows.inputs.first; begin < stop; begin += kChunkRows) {
    const int end = begin + kChunkRows < stop ? begin + kChunkRows : stop;
    Threads::each([&](int thread) { narrow_rows<kChannels>(shared, begin, end, thread); });
    Threads::each(
        [&](int thread) { add_rows<kChannels>(shared, begin, end, thread, sums[thread]); });
  }
}

/// The whole block: tile `tile` of view `slot`.
template <int kChannels>
NEARFAR_HOST_DEVICE inline void resample_tile(const DeviceBatch& batch, int slot, int tile,
                                              ResampleShared& shared) {
  using Threads = Block<kResampleThreads>;
  const DevicePlan& plan = batch.plan;
  Threads::each([&](int thread) {
    const DeviceView& view = batch.views[slot];
    const int across = tiles_across(plan);
    if (thread == 0) shared.view = view;
    if (thread == kTileSide)
      fill_axis(plan.interpolation, view.crop_height, plan.size.height, tile / across * kTileSide,
                false, shared.rows);
    if (thread == 2 * kTileSide)
      fill_axis(plan.interpolation, view.crop_width, plan.size.width, tile % across * kTileSide,
                view.flip, shared.columns);
  });
  Threads::each([&](int thread) {
    if (thread < kTileSide) fill_taps(shared.columns, thread);
    if (thread >= kTileSide && thread < 2 * kTileSide) fill_taps(shared.rows, thread - kTileSide);
  });
  typename Threads::template Private<TileSums<kChannels>> sums;
  resample_pixels<Threads, kChannels>(shared, sums);
  Threads::each([&](int thread) {
    shared.narrowed[thread] =
        store_pixels<kChannels>(plan, shared, thread, sums[thread], picture_of(batch, slot));
  });
  if (shared.view.contrast < shared.view.step_count)
    sum_block<Threads>(shared.narrowed, gray_sums_of(batch, slot) + tile);
}

}  // namespace nearfar
