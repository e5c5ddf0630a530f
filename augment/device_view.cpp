// Views made ready for a device.
#include "augment/device_view.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "augment/blur.h"
#include "augment/pixel.h"
#include "augment/view_error.h"

namespace nearfar {
namespace {

std::string plan_error(const Image& image, const View& view, const DevicePlan& plan) {
  if (image.channels != plan.channels)
    return "expected " + std::to_string(plan.channels) + " channels as planned, got " +
           std::to_string(image.channels);
  const auto contrasts =
      std::count_if(view.jitter.begin(), view.jitter.begin() + view.jitter_count,
                    [](const JitterStep& step) { return step.kind == Jitter::contrast; });
  if (contrasts > 1)
    return "expected at most one contrast step on a device, got " + std::to_string(contrasts);
  if (blur_taps_down(view) != view.blur_kernel)
    return "expected a square blur kernel on a device, got " + std::to_string(view.blur_kernel) +
           " x " + std::to_string(blur_taps_down(view));
  const int reach = blur_reach(view.blur_kernel, view.blur_sigma);
  if (reach > plan.largest_radius)
    return "expected a blur that reaches " + std::to_string(plan.largest_radius) +
           " pixels as planned, got " + std::to_string(reach);
  return "";
}

}  // namespace

DeviceView device_view(const Image& image, const View& view) {
  DeviceView device;
  device.pitch = int64_t{image.width} * image.channels;
  device.corner = image.pixels + (view.crop.top - image.top) * device.pitch +
                  int64_t{view.crop.left - image.left} * image.channels;
  device.crop_height = view.crop.height;
  device.crop_width = view.crop.width;
  device.step_count = view.jitter_count;
  device.contrast = view.jitter_count;
  for (int i = 0; i < view.jitter_count; ++i) {
    const auto [kind, factor] = view.jitter[i];
    const Blend blend = make_blend(factor);
    device.steps[i] = {kind, blend.ratio, blend.rest};
    if (kind == Jitter::contrast) device.contrast = i;
  }
  device.blur_radius = blur_reach(view.blur_kernel, view.blur_sigma);
  device.blur_sigma = view.blur_sigma;
  device.solarize_threshold = static_cast<float>(view.solarize_threshold);
  device.flip = view.flip;
  device.grayscale = view.grayscale;
  device.solarize = view.solarize;
  return device;
}

void describe_views(std::span<const Image> images, std::span<const View> views,
                    const DevicePlan& plan, DeviceView* out) {
  const RenderTarget target{plan.size, plan.interpolation, {}};
  check_views("describe_views", images, views, target);
  for (size_t i = 0; i < views.size(); ++i) {
    const std::string error = plan_error(images[i], views[i], plan);
    if (!error.empty())
      throw std::invalid_argument("describe_views: view " + std::to_string(i) + ": " + error);
  }
  for (size_t i = 0; i < views.size(); ++i) out[i] = device_view(images[i], views[i]);
}

}  // namespace nearfar
