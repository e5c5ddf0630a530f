// What the kernels of a device are launched with, and where a block finds its part of it.
#pragma once

#include "augment/device_plan.h"
#include "augment/device_view.h"

namespace nearfar {

/// The views that are rendered together. All pointers are to the device's memory.
struct DeviceBatch {
  DevicePlan plan;
  const DeviceView* views = nullptr;
  float* pictures = nullptr;   // [views, channels, height, width] resampled, up to contrast
  float* gray_sums = nullptr;  // [views, tiles] of the same pixels, where a view has contrast
};

/// Lays the workspace out for the views from `first` on.
inline DeviceBatch device_batch(const DevicePlan& plan, const DeviceView* first, void* workspace) {
  auto* floats = static_cast<float*>(workspace);
  return {plan, first, floats, floats + plan.views_at_once * value_count(plan)};
}

NEARFAR_HOST_DEVICE inline float* picture_of(const DeviceBatch& batch, int view) {
  return batch.pictures + view * value_count(batch.plan);
}

NEARFAR_HOST_DEVICE inline float* gray_sums_of(const DeviceBatch& batch, int view) {
  return batch.gray_sums + static_cast<int64_t>(view) * tile_count(batch.plan);
}

}  // namespace nearfar
