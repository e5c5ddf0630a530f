// The second kernel: contrast and what follows it, blur, solarize, normalise, one strip a block.
#pragma once

#include "augment/bfloat16.h"
#include "augment/block.h"
#include "augment/blur.h"
#include "augment/device_batch.h"
#include "augment/device_color.h"

namespace nearfar {

/// Threads that add up the gray levels of tiles.
inline constexpr int kSumThreads = 32;

/// What a block of the second kernel shares, beside its rows.
struct FinishShared {
  DeviceView view;
  double sums[kSumThreads];
  double blur_values[kMostRadius + 1];
  float blur_weights[2 * kMostRadius + 1];
  float mean;  // gray level that contrast blends with
};

/// A strip of a picture: columns [left, left + width) and rows [top, bottom) of a view, and its
/// rows in shared memory.
struct Strip {
  int left;
  int width;
  int top;
  int bottom;
  int radius;
  StripLayout layout;
  float* rows;     // [kStripRows, row_pitch] finished colours, with `radius` pixels at either side
  float* blurred;  // [blurred_rows, blurred_pitch] the same blurred along x, a ring
};

NEARFAR_HOST_DEVICE inline Strip strip_of(const DevicePlan& plan, int piece, int radius,
                                          float* room) {
  const int strips = strip_count(plan);
  const int left = piece % strips * plan.strip_width;
  const int top = piece / strips * plan.segment_height;
  const int right_end = left + plan.strip_width;
  const int bottom_end = top + plan.segment_height;
  const int right = right_end < plan.size.width ? right_end : plan.size.width;
  const int bottom = bottom_end < plan.size.height ? bottom_end : plan.size.height;
  const StripLayout layout = strip_layout(right - left, plan.channels, radius);
  return {left,   right - left, top,  bottom,
          radius, layout,       room, room + kStripRows * layout.row_pitch};
}

/// The mean gray level from the sums of tiles, in double and always in the same order; and the
/// weights of the blur.
template <typename Threads>
NEARFAR_HOST_DEVICE inline void prepare_view(const DeviceBatch& batch, int slot,
                                             FinishShared& shared) {
  Threads::each([&](int thread) {
    if (thread == 0) shared.view = batch.views[slot];
  });
  const DeviceView& view = shared.view;
  const float* tile_sums = gray_sums_of(batch, slot);
  const int tiles = view.contrast < view.step_count ? tile_count(batch.plan) : 0;
  Threads::each([&](int thread) {
    if (thread < kSumThreads) {
      double sum = 0.0;
      for (int tile = thread; tile < tiles; tile += kSumThreads) sum += tile_sums[tile];
      shared.sums[thread] = sum;
    }
    if (thread <= view.blur_radius)
      shared.blur_values[thread] = gaussian_value(thread, view.blur_sigma);
  });
  Threads::each([&](int thread) {
    if (thread == 0) {
      double sum = 0.0;
      for (int i = 0; i < kSumThreads; ++i) sum += shared.sums[i];
      shared.mean = static_cast<float>(sum / static_cast<double>(pixel_count(batch.plan)));
    }
    if (thread > view.blur_radius) return;
    double total = 1.0;
    for (int i = 1; i <= view.blur_radius; ++i) total += 2.0 * shared.blur_values[i];
    const auto weight = static_cast<float>(shared.blur_values[thread] / total);
    shared.blur_weights[view.blur_radius - thread] = weight;
    shared.blur_weights[view.blur_radius + thread] = weight;
  });
}

/// Brings picture rows [first, first + kStripRows) of the strip and its surroundings into shared
/// memory, with their final colours. Rows are reflected at the border; those from `end` on are left
/// out.
template <int kChannels>
NEARFAR_HOST_DEVICE inline void load_rows(const DevicePlan& plan, const float* picture,
                                          const Strip& strip, const FinishShared& shared, int first,
                                          int end, int thread) {
  const DeviceView& view = shared.view;
  const int64_t plane = pixel_count(plan);
  const int width = strip.width + 2 * strip.radius;
  const int rows = end - first < kStripRows ? end - first : kStripRows;
  // Exact for all pixels of a strip: i * width stays far below 2^32.
  const uint32_t inverse = 0xffffffffu / static_cast<uint32_t>(width) + 1u;
  for (int i = thread; i < rows * width; i += kFinishThreads) {
    const int row = width == 1 ? i : static_cast<int>((uint64_t{inverse} * i) >> 32);
    const int column = i - row * width;
    const int y = reflect(first + row, plan.size.height);
    const int x = reflect(strip.left - strip.radius + column, plan.size.width);
    const float* pixel = picture + int64_t{y} * plan.size.width + x;
    Color color{pixel[0], 0.0f, 0.0f};
    if (kChannels == 3) color = {pixel[0], pixel[plane], pixel[2 * plane]};
    color = apply_steps<kChannels>(view, view.contrast, view.step_count, shared.mean, color);
    if (kChannels == 3 && view.grayscale) color.red = color.green = color.blue = gray_level(color);
    float* value = strip.rows + row * strip.layout.row_pitch + column * kChannels;
    value[0] = color.red;
    if (kChannels == 3) {
      value[1] = color.green;
      value[kChannels - 1] = color.blue;
    }
  }
}

/// sums[i] += weights[tap] * value i + tap of a series, for all taps; next() gives the values one
/// after the other. Each value is read once for all kStripRows sums.
template <typename Next>
NEARFAR_HOST_DEVICE inline void slide(const float* weights, int taps, Next next,
                                      float (&sums)[kStripRows]) {
  float window[kStripRows];
  for (int i = 0; i < kStripRows - 1; ++i) window[i] = next();
  for (int begin = 0; begin < taps; begin += kStripRows) {
    NEARFAR_UNROLL
    for (int j = 0; j < kStripRows; ++j) {
      if (begin + j >= taps) break;
      window[(j + kStripRows - 1) % kStripRows] = next();
      const float weight = weights[begin + j];
      for (int i = 0; i < kStripRows; ++i) sums[i] += weight * window[(i + j) % kStripRows];
    }
  }
}

/// Blurs the loaded rows along x into the ring from row `slot` on.
template <int kChannels>
NEARFAR_HOST_DEVICE inline void blur_rows(const Strip& strip, const float* weights, int slot,
                                          int thread) {
  constexpr int kLanes = kStripRows * kChannels;
  const int tasks = parts_of(strip.width, kStripRows) * kLanes;
  for (int task = thread; task < tasks; task += kFinishThreads) {
    const int row = task % kLanes / kChannels;
    const int first = task / kLanes * kLanes + task % kChannels;
    const float* value = strip.rows + row * strip.layout.row_pitch + first;
    float sums[kStripRows] = {};
    slide(
        weights, 2 * strip.radius + 1,
        [&] {
          const float read = *value;
          value += kChannels;
          return read;
        },
        sums);
    const int ring_row = (slot + row) % strip.layout.blurred_rows;
    float* out = strip.blurred + ring_row * strip.layout.blurred_pitch + first;
    for (int i = 0; i < kStripRows; ++i) out[i * kChannels] = sums[i];
  }
}

NEARFAR_HOST_DEVICE inline void store_value(float value, float* out) { *out = value; }
NEARFAR_HOST_DEVICE inline void store_value(float value, Bfloat16* out) {
  *out = to_bfloat16(value);
}

/// What the last stages do to the values of one channel.
struct ChannelFinish {
  float mean;
  float scale;
  float threshold;
  bool solarize;
};

/// Picks without an index: an array of a kernel's arguments that is indexed is copied to memory.
NEARFAR_HOST_DEVICE inline ChannelFinish finish_of(const DevicePlan& plan, const DeviceView& view,
                                                   int channel) {
  return {channel == 0 ? plan.mean[0] : (channel == 1 ? plan.mean[1] : plan.mean[2]),
          channel == 0 ? plan.scale[0] : (channel == 1 ? plan.scale[1] : plan.scale[2]),
          view.solarize_threshold, view.solarize};
}

template <typename Value>
NEARFAR_HOST_DEVICE inline void finish_value(const ChannelFinish& finish, float value, Value* out) {
  if (finish.solarize) value = solarize(value, finish.threshold);
  store_value((value - finish.mean) * finish.scale, out);
}

/// Blurs kStripRows rows from `first` on along y, out of the ring whose oldest row is `slot`, and
/// writes those that the strip has.
template <int kChannels, typename Value>
NEARFAR_HOST_DEVICE inline void blur_columns(const DevicePlan& plan, const Strip& strip,
                                             const FinishShared& shared, int slot, int first,
                                             int thread, Value* out) {
  for (int task = thread; task < strip.width * kChannels; task += kFinishThreads) {
    const int ring = strip.layout.blurred_rows * strip.layout.blurred_pitch;
    const ChannelFinish finish = finish_of(plan, shared.view, task % kChannels);
    int at = slot * strip.layout.blurred_pitch + task;
    float sums[kStripRows] = {};
    slide(
        shared.blur_weights, 2 * strip.radius + 1,
        [&] {
          const float read = strip.blurred[at];
          at += strip.layout.blurred_pitch;
          at = at >= ring ? at - ring : at;
          return read;
        },
        sums);
    for (int i = 0; i < kStripRows; ++i) {
      const int y = first + i;
      if (y < strip.top || y >= strip.bottom) continue;
      finish_value(finish, sums[i],
                   out + (int64_t{y} * plan.size.width + strip.left) * kChannels + task);
    }
  }
}

/// Writes the loaded rows, which no blur changes.
template <int kChannels, typename Value>
NEARFAR_HOST_DEVICE inline void store_rows(const DevicePlan& plan, const Strip& strip,
                                           const FinishShared& shared, int first, int thread,
                                           Value* out) {
  for (int task = thread; task < strip.width * kChannels; task += kFinishThreads) {
    const ChannelFinish finish = finish_of(plan, shared.view, task % kChannels);
    for (int i = 0; i < kStripRows && first + i < strip.bottom; ++i) {
      finish_value(finish, strip.rows[i * strip.layout.row_pitch + task],
                   out + (int64_t{first + i} * plan.size.width + strip.left) * kChannels + task);
    }
  }
}

/// The whole block: piece `piece` of view `slot`, whose picture is `out`. `room` is shared memory
/// of strip_bytes(plan).
template <int kChannels, typename Value>
NEARFAR_HOST_DEVICE inline void finish_strip(const DeviceBatch& batch, int slot, int piece,
                                             FinishShared& shared, float* room, Value* out) {
  using Threads = Block<kFinishThreads>;
  prepare_view<Threads>(batch, slot, shared);
  const DevicePlan& plan = batch.plan;
  const int radius = shared.view.blur_radius;
  const Strip strip = strip_of(plan, piece, radius, room);
  const float* picture = picture_of(batch, slot);
  int ring = 0;
  for (int first = strip.top - radius; first < strip.bottom + radius; first += kStripRows) {
    Threads::each([&](int thread) {
      load_rows<kChannels>(plan, picture, strip, shared, first, strip.bottom + radius, thread);
    });
    if (radius == 0) {
      Threads::each(
          [&](int thread) { store_rows<kChannels>(plan, strip, shared, first, thread, out); });
      continue;
    }
    Threads::each(
        [&](int thread) { blur_rows<kChannels>(strip, shared.blur_weights, ring, thread); });
    ring = (ring + kStripRows) % strip.layout.blurred_rows;
    // The rows that are complete now; the ring's oldest row comes next to its newest.
    if (first + kStripRows <= strip.top + radius) continue;
    Threads::each([&](int thread) {
      blur_columns<kChannels>(plan, strip, shared, ring, first - radius, thread, out);
    });
  }
}

}  // namespace nearfar
