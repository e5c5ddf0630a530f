// What libnearfar_cuda.so offers: the rendering of a batch of views on a GPU.
#pragma once

#include "augment/bfloat16.h"
#include "augment/device_plan.h"
#include "augment/device_view.h"

extern "C" {

/// Renders views[0, count) into out[count, height, width, channels], channels-last, with the
/// numbers of render() to float32's accuracy. All pointers but `plan` are to the memory of the
/// current device: the views (describe_views), the pixels they point to, a workspace of
/// workspace_bytes(plan). Two kernels for every plan.views_at_once views on `stream` (a
/// cudaStream_t); no allocation, no synchronisation, no random order of sums: equal input gives
/// equal bits. May be captured in a CUDA graph, whose replays read what then stands in views and
/// pixels. Returns null, or CUDA's words for why nothing was launched.
const char* nearfar_cuda_render_float(const nearfar::DevicePlan* plan,
                                      const nearfar::DeviceView* views, int count, void* workspace,
                                      float* out, void* stream);

/// The same, rounded to bfloat16 at the end.
const char* nearfar_cuda_render_bfloat16(const nearfar::DevicePlan* plan,
                                         const nearfar::DeviceView* views, int count,
                                         void* workspace, nearfar::Bfloat16* out, void* stream);
}
