// A view as the kernels of a device read it: plain data, with all worked out that needs no pixel.
#pragma once

#include <cstdint>
#include <span>

#include "augment/device_plan.h"
#include "augment/image.h"
#include "augment/view.h"

namespace nearfar {

/// A jitter step in float32.
struct DeviceStep {
  Jitter kind = Jitter::brightness;
  float factor = 1.0f;
  float rest = 0.0f;  // 1 - factor, subtracted before rounding
};

/// One view of one image. Copied to the device as it is; whoever replays a CUDA graph copies new
/// ones to the same place.
struct DeviceView {
  const uint8_t* corner = nullptr;  // first pixel of the crop, in the device's memory
  int64_t pitch = 0;                // bytes from one row of the image to the next
  int crop_height = 0;
  int crop_width = 0;
  int step_count = 0;
  int contrast = 0;  // the step that needs the picture's mean gray level, or step_count
  DeviceStep steps[4];
  double blur_sigma = 1.0;
  int blur_radius = 0;
  float solarize_threshold = 0.5f;
  bool flip = false;
  bool grayscale = false;
  bool solarize = false;
};

/// The view without any check. Image::pixels is an address on the device.
DeviceView device_view(const Image& image, const View& view);

/// Writes out[i] for views[i] of images[i]; Image::pixels are addresses on the device and are not
/// read. Throws std::invalid_argument for what render() refuses, and for what the plan does not
/// hold: other channels, more than one contrast step, a blur that reaches farther than the plan's.
void describe_views(std::span<const Image> images, std::span<const View> views,
                    const DevicePlan& plan, DeviceView* out);

}  // namespace nearfar
