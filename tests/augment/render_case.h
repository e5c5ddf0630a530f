// A batch of views for tests of renderers on devices, and the CPU renderer as their reference.
#pragma once

#include <cstdint>
#include <vector>

#include "augment/image.h"
#include "augment/render.h"
#include "augment/view.h"
#include "augment/view_policy.h"

namespace nearfar {

/// Images of noise. Levels lie away from the ends, so that bicubic overshoot stays in [0, 1]: hue
/// has a jump above 1.
struct Pictures {
  std::vector<std::vector<uint8_t>> levels;
  std::vector<Image> images;

  /// A whole image, or a window of a larger one.
  void add(int height, int width, int channels, bool window);
};

/// views[i] of images[i].
struct RenderCase {
  std::vector<Image> images;
  std::vector<View> views;
  RenderTarget target;

  /// Values of one view.
  size_t value_count() const;
  /// How far the widest blur reaches.
  int farthest_reach() const;
};

/// `views` views in turn of all pictures, drawn from the policy, normalised.
RenderCase draw_case(const Pictures& pictures, ViewPolicy policy, Size size,
                     Interpolation interpolation, int views);

/// Expects every value within 4e-5 of the CPU renderer's, which is 1e-5 on the scale [0, 1] divided
/// by a std of 0.25: both err by about 1e-6, and jitter amplifies that by up to 1.8 a step.
/// Solarisation jumps at its threshold; there the other side is right as well.
void expect_cpu_renderer(const RenderCase& batch, const std::vector<float>& out);

}  // namespace nearfar
