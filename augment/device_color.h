// The colour operations of a view on one pixel, in the order that the view gives them.
#pragma once

#include "augment/device_view.h"
#include "augment/host_device.h"
#include "augment/pixel.h"

namespace nearfar {

/// One channel is held in red.
template <int kChannels>
NEARFAR_HOST_DEVICE inline float gray_of(Color color) {
  return kChannels == 1 ? color.red : gray_level(color);
}

template <int kChannels>
NEARFAR_HOST_DEVICE inline Color scale_color(Color color, float factor) {
  if (kChannels == 1) return {adjust_brightness(color.red, factor), 0.0f, 0.0f};
  return {adjust_brightness(color.red, factor), adjust_brightness(color.green, factor),
          adjust_brightness(color.blue, factor)};
}

template <int kChannels>
NEARFAR_HOST_DEVICE inline Color blend_color(Color color, float other, Blend blend) {
  if (kChannels == 1) return {blend_unit(color.red, other, blend), 0.0f, 0.0f};
  return {blend_unit(color.red, other, blend), blend_unit(color.green, other, blend),
          blend_unit(color.blue, other, blend)};
}

/// Steps [begin, end) of the view; `mean` is what contrast blends with.
template <int kChannels>
NEARFAR_HOST_DEVICE inline Color apply_steps(const DeviceView& view, int begin, int end, float mean,
                                             Color color) {
  for (int i = begin; i < end; ++i) {
    const DeviceStep& step = view.steps[i];
    switch (step.kind) {
      case Jitter::brightness:
        color = scale_color<kChannels>(color, step.factor);
        break;
      case Jitter::contrast:
        color = blend_color<kChannels>(color, mean, {step.factor, step.rest});
        break;
      case Jitter::saturation:
        if (kChannels == 3) color = adjust_saturation(color, {step.factor, step.rest});
        break;
      case Jitter::hue:
        if (kChannels == 3) color = adjust_hue(color, step.factor);
        break;
    }
  }
  return color;
}

}  // namespace nearfar
