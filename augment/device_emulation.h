// The kernels' own blocks and threads run one after the other on the host: what a GPU must compute.
#pragma once

#include <limits>
#include <vector>

#include "augment/device_finish.h"
#include "augment/device_resample.h"

namespace nearfar {

/// Renders like a GPU would, with the same turns through the workspace, blocks and threads; the
/// pointers in `views` are to host memory. out: [count, height, width, channels]. Everything that
/// a GPU finds undefined begins as NaN here. Precondition: kChannels equals the plan's channels.
template <int kChannels, typename Value>
void render_like_device(const DevicePlan& plan, const DeviceView* views, int count, Value* out) {
  const float undefined = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> workspace(workspace_bytes(plan) / sizeof(float), undefined);
  std::vector<float> room(strip_bytes(plan) / sizeof(float), undefined);
  std::vector<ResampleShared> resample(1);
  std::vector<FinishShared> finish(1);
  for (int first = 0; first < count; first += plan.views_at_once) {
    const DeviceBatch batch = device_batch(plan, views + first, workspace.data());
    const int views_now = count - first < plan.views_at_once ? count - first : plan.views_at_once;
    for (int slot = 0; slot < views_now; ++slot) {
      for (int tile = 0; tile < tile_count(plan); ++tile)
        resample_tile<kChannels>(batch, slot, tile, resample[0]);
    }
    for (int slot = 0; slot < views_now; ++slot) {
      Value* picture = out + (first + slot) * value_count(plan);
      for (int piece = 0; piece < piece_count(plan); ++piece)
        finish_strip<kChannels>(batch, slot, piece, finish[0], room.data(), picture);
    }
  }
}

}  // namespace nearfar
