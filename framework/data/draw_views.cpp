// Drawing of an image's views.
#include "framework/data/draw_views.h"

#include <algorithm>

namespace nearfar {

void draw_views(std::span<const ViewPolicy> policies, uint64_t seed, int64_t epoch, int64_t index,
                Size image, std::vector<View>& views) {
  views.clear();
  for (size_t v = 0; v < policies.size(); ++v) {
    Random random(seed, static_cast<uint64_t>(epoch), static_cast<uint64_t>(index), Purpose::view,
                  static_cast<uint8_t>(v));
    views.push_back(draw(policies[v], image.height, image.width, random));
  }
}

Box union_of_crops(std::span<const View> views) {
  int top = views[0].crop.top;
  int left = views[0].crop.left;
  int bottom = 0;
  int right = 0;
  for (const View& view : views) {
    top = std::min(top, view.crop.top);
    left = std::min(left, view.crop.left);
    bottom = std::max(bottom, view.crop.top + view.crop.height);
    right = std::max(right, view.crop.left + view.crop.width);
  }
  return {top, left, bottom - top, right - left};
}

RenderTarget target_of(const ViewPolicy& policy, const Normalize& normalize) {
  const auto side = static_cast<int>(policy.size);
  return {{side, side},
          policy.interpolation == "bicubic" ? Interpolation::bicubic : Interpolation::bilinear,
          normalize};
}

std::vector<RenderTarget> targets_of(std::span<const ViewPolicy> policies,
                                     const Normalize& normalize, int64_t rows, int channels) {
  std::vector<RenderTarget> targets;
  int64_t pixels = 0;
  for (const ViewPolicy& policy : policies) {
    targets.push_back(target_of(policy, normalize));
    pixels += policy.size * policy.size;
  }
  const auto floats = static_cast<size_t>(rows * pixels * channels);
  const bool past_caches = larger_than_caches(floats * sizeof(float));
  for (RenderTarget& target : targets) target.past_caches = past_caches;
  return targets;
}

}  // namespace nearfar
