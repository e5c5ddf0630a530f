// The conditions on views, and the sentences that name them.
#include "augment/view_error.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nearfar {
namespace {

std::string text(const Box& box) {
  return "[top " + std::to_string(box.top) + ", left " + std::to_string(box.left) + ", " +
         std::to_string(box.height) + " x " + std::to_string(box.width) + "]";
}

/// The conditions below are in int64: boxes may come from a file.
bool contains(const Box& outer, const Box& inner) {
  const auto end = [](int begin, int length) { return int64_t{begin} + length; };
  return inner.height > 0 && inner.width > 0 && inner.top >= outer.top &&
         inner.left >= outer.left && end(inner.top, inner.height) <= end(outer.top, outer.height) &&
         end(inner.left, inner.width) <= end(outer.left, outer.width);
}

/// Renderers may assume that what they compute with is finite: neither products of factors nor what
/// std divides may overflow float32.
constexpr float kLargest = 1e6f;

std::string jitter_error(const View& view) {
  if (view.jitter_count < 0 || view.jitter_count > 4)
    return "expected 0 to 4 jitter steps, got " + std::to_string(view.jitter_count);
  for (int i = 0; i < view.jitter_count; ++i) {
    const auto [kind, factor] = view.jitter[i];
    if (kind == Jitter::hue && !(std::abs(factor) <= 0.5))
      return "expected a hue shift in [-0.5, 0.5], got " + std::to_string(factor);
    if (kind != Jitter::hue && !(factor >= 0.0 && factor <= kLargest))
      return "expected a jitter factor of 0 to " + std::to_string(kLargest) + ", got " +
             std::to_string(factor);
  }
  return "";
}

std::string kernel_error(int kernel, int length, Size size) {
  if (kernel < 1 || kernel % 2 == 0)
    return "expected an odd blur kernel, got " + std::to_string(kernel);
  if (kernel / 2 >= length)
    return "expected a blur kernel below twice the size " + std::to_string(size.height) + " x " +
           std::to_string(size.width) + ", got " + std::to_string(kernel);
  return "";
}

std::string blur_error(const View& view, Size size) {
  if (view.blur_kernel == 0) return "";
  for (const std::string& error : {kernel_error(view.blur_kernel, size.width, size),
                                   kernel_error(blur_taps_down(view), size.height, size)}) {
    if (!error.empty()) return error;
  }
  if (!(view.blur_sigma > 0.0 && std::isfinite(view.blur_sigma)))
    return "expected a blur sigma above 0, got " + std::to_string(view.blur_sigma);
  return "";
}

std::string target_error(const RenderTarget& target) {
  if (target.size.height < 1 || target.size.width < 1)
    return "expected a size of at least 1 x 1, got " + std::to_string(target.size.height) + " x " +
           std::to_string(target.size.width);
  for (const float std : target.normalize.std) {
    if (!(std > 0.0f)) return "expected std above 0, got " + std::to_string(std);
    if (!(1.0f / std <= kLargest))
      return "expected std of at least " + std::to_string(1.0f / kLargest) + ", got " +
             std::to_string(std);
  }
  return "";
}

}  // namespace

std::string view_error(const Image& image, const View& view, const RenderTarget& target) {
  if (image.channels != 1 && image.channels != 3)
    return "expected 1 or 3 channels, got " + std::to_string(image.channels);
  const Box window{image.top, image.left, image.height, image.width};
  if (!contains(window, view.crop))
    return "expected a crop inside the decoded window " + text(window) + ", got " + text(view.crop);
  for (const std::string& error :
       {target_error(target), jitter_error(view), blur_error(view, target.size)}) {
    if (!error.empty()) return error;
  }
  return "";
}

void check_views(const std::string& who, std::span<const Image> images, std::span<const View> views,
                 const RenderTarget& target) {
  if (images.size() != views.size())
    throw std::invalid_argument(who + ": expected as many images as views, got " +
                                std::to_string(images.size()) + " and " +
                                std::to_string(views.size()));
  for (size_t i = 0; i < views.size(); ++i) {
    std::string error = view_error(images[i], views[i], target);
    if (error.empty() && images[i].channels != images[0].channels)
      error = "expected " + std::to_string(images[0].channels) + " channels as in view 0, got " +
              std::to_string(images[i].channels);
    if (!error.empty())
      throw std::invalid_argument(who + ": view " + std::to_string(i) + ": " + error);
  }
}

}  // namespace nearfar
