// One view of an image with every choice made: what the renderers execute.
#pragma once

#include <array>
#include <cstdint>

namespace nearfar {

struct Size {
  int height = 0;
  int width = 0;
};

/// A rectangle in full-image pixel coordinates.
struct Box {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

enum class Interpolation : uint8_t { bilinear, bicubic };

enum class Jitter : uint8_t { brightness, contrast, saturation, hue };

/// One colour operation. The factor of brightness, contrast and saturation is a ratio (1:
/// unchanged); that of hue is a shift in turns, in [-0.5, 0.5].
struct JitterStep {
  Jitter kind = Jitter::brightness;
  double factor = 1.0;
};

/// All choices of one view, applied in the order crop and resize, flip, jitter, grayscale, blur,
/// solarize, normalise. Plain data.
struct View {
  Box crop;
  bool flip = false;
  int jitter_count = 0;  // 0..4: how many of the steps below apply, in this order
  std::array<JitterStep, 4> jitter{};
  bool grayscale = false;
  int blur_kernel = 0;         // taps, odd; 0: no blur
  int blur_kernel_height = 0;  // taps along columns where they are others than along rows, odd
  double blur_sigma = 0.0;
  bool solarize = false;
  double solarize_threshold = 0.5;
};

/// Taps of the view's blur along columns.
inline int blur_taps_down(const View& view) {
  return view.blur_kernel_height > 0 ? view.blur_kernel_height : view.blur_kernel;
}

}  // namespace nearfar
