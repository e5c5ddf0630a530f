// How a batch of views is cut into blocks of threads on a device, and the memory that this needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "augment/host_device.h"
#include "augment/render.h"
#include "augment/view.h"

namespace nearfar {

/// The first kernel resamples a tile of this many pixels along both axes with 8 threads a column.
inline constexpr int kTileSide = 32;
inline constexpr int kResampleThreads = 256;

/// The second kernel walks down strips of pictures, this many rows at a time.
inline constexpr int kStripRows = 8;
inline constexpr int kFinishThreads = 192;

/// Blurs of up to 255 taps: the widest need 56 KB of shared memory, and 64 KB are what a block can
/// have on every architecture since 7.5. Up to kStripBytes strips are made narrower instead.
inline constexpr int kMostRadius = 127;
inline constexpr size_t kStripBytes = 44 * 1024;

/// What all views of a launch have in common. Plain data, copied to the device with the launch;
/// make_device_plan fills it.
struct DevicePlan {
  Size size;
  Interpolation interpolation = Interpolation::bilinear;
  int channels = 3;
  int largest_radius = 0;  // of the blurs
  int views_at_once = 0;   // pictures that the workspace holds
  float mean[3] = {0.0f, 0.0f, 0.0f};
  float scale[3] = {1.0f, 1.0f, 1.0f};  // 1 / std
  int strip_width = 0;
  int segment_height = 0;
};

NEARFAR_HOST_DEVICE inline int parts_of(int whole, int part) { return (whole + part - 1) / part; }

NEARFAR_HOST_DEVICE inline int tiles_across(const DevicePlan& plan) {
  return parts_of(plan.size.width, kTileSide);
}
NEARFAR_HOST_DEVICE inline int tile_count(const DevicePlan& plan) {
  return tiles_across(plan) * parts_of(plan.size.height, kTileSide);
}
NEARFAR_HOST_DEVICE inline int strip_count(const DevicePlan& plan) {
  return parts_of(plan.size.width, plan.strip_width);
}
/// Blocks of the second kernel for one view.
NEARFAR_HOST_DEVICE inline int piece_count(const DevicePlan& plan) {
  return strip_count(plan) * parts_of(plan.size.height, plan.segment_height);
}
NEARFAR_HOST_DEVICE inline int64_t pixel_count(const DevicePlan& plan) {
  return int64_t{plan.size.height} * plan.size.width;
}
NEARFAR_HOST_DEVICE inline int64_t value_count(const DevicePlan& plan) {
  return pixel_count(plan) * plan.channels;
}

/// Where a strip's rows lie in shared memory, in floats. The width is rounded up to whole runs of
/// kStripRows outputs. The pitch of rows keeps the threads of a warp on different ones of the 32
/// banks, 8 rows times all channels; the odd pitch of blurred rows nearly does, and takes no room.
struct StripLayout {
  int row_pitch;      // of rows with `radius` more pixels at either side
  int blurred_pitch;  // of rows blurred along x
  int blurred_rows;   // a ring that holds what kStripRows blurred pixels of a column are made of
};

NEARFAR_HOST_DEVICE inline StripLayout strip_layout(int width, int channels, int radius) {
  const int blurred = parts_of(width, kStripRows) * kStripRows * channels;
  const int row = blurred + 2 * radius * channels;
  return {row + (channels - row % 32 + 32) % 32, blurred | 1, 2 * radius + kStripRows};
}

/// Shared memory of a block of the second kernel that depends on the plan.
inline size_t strip_bytes(int width, int channels, int radius) {
  const StripLayout layout = strip_layout(width, channels, radius);
  const int floats = kStripRows * layout.row_pitch + layout.blurred_rows * layout.blurred_pitch;
  return static_cast<size_t>(floats) * sizeof(float);
}
inline size_t strip_bytes(const DevicePlan& plan) {
  return strip_bytes(plan.strip_width, plan.channels, plan.largest_radius);
}

/// Device memory that a launch works in, aligned like a float: `views_at_once` resampled pictures
/// in float32 and the sums of gray levels of their tiles.
inline size_t workspace_bytes(const DevicePlan& plan) {
  const int64_t floats = value_count(plan) + tile_count(plan);
  return static_cast<size_t>(plan.views_at_once * floats) * sizeof(float);
}

/// Plans launches for images of `channels` (1 or 3) and blurs of a radius of at most
/// `largest_radius` pixels (blur_reach). A launch of more than `views_at_once` views goes through
/// the workspace in turns: as many as fit in the device's L2 cache with their pictures are fastest.
/// Throws std::invalid_argument for what the renderer cannot do.
inline DevicePlan make_device_plan(const RenderTarget& target, int channels, int largest_radius,
                                   int views_at_once) {
  const auto expect = [](bool holds, const std::string& what, int64_t found) {
    if (holds) return;
    throw std::invalid_argument("make_device_plan: expected " + what + ", got " +
                                std::to_string(found));
  };
  const auto [height, width] = target.size;
  expect(height >= 1 && height <= 4096, "a height of 1 to 4096", height);
  expect(width >= 1 && width <= 4096, "a width of 1 to 4096", width);
  expect(channels == 1 || channels == 3, "1 or 3 channels", channels);
  expect(largest_radius >= 0 && largest_radius <= kMostRadius,
         "a blur radius of 0 to " + std::to_string(kMostRadius), largest_radius);
  expect(views_at_once >= 1 && views_at_once <= 65535, "1 to 65535 views at once", views_at_once);
  DevicePlan plan;
  plan.size = target.size;
  plan.interpolation = target.interpolation;
  plan.channels = channels;
  plan.largest_radius = largest_radius;
  plan.views_at_once = views_at_once;
  for (int c = 0; c < 3; ++c) {
    plan.mean[c] = target.normalize.mean[c];
    plan.scale[c] = 1.0f / target.normalize.std[c];
  }
  // Strips and segments of equal size, with halos that are small beside them.
  int strips = parts_of(width, 64);
  while (parts_of(width, strips) > kStripRows &&
         strip_bytes(parts_of(width, strips), channels, largest_radius) > kStripBytes) {
    ++strips;
  }
  plan.strip_width = parts_of(width, strips);
  plan.segment_height = parts_of(height, parts_of(height, 128));
  return plan;
}

}  // namespace nearfar
