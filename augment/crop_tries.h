// The rule of RandomResizedCrop by itself: which of ten drawn shapes becomes the crop.
#pragma once

#include <cstdint>
#include <optional>

#include "augment/view.h"

namespace nearfar {

/// One drawn shape: its share of the image's area and the logarithm of width / height.
struct CropTry {
  double area = 1.0;
  double log_aspect = 0.0;
};

/// The size of a drawn shape in a height x width image, sides rounded half to even, or nothing
/// where it does not fit: a box at (-1, -1), whose place is yet to be drawn.
std::optional<Box> box_of(int height, int width, const CropTry& shape);

/// The box when no shape fits: the largest centred one whose aspect (width / height) lies in
/// [aspect_min, aspect_max]. Sides are at least 1. Precondition: height, width > 0.
Box centered_box(int height, int width, double aspect_min, double aspect_max);

/// Tries before the centred box is taken.
inline constexpr uint32_t kCropTries = 10;

/// The outcome. The box of an accepted try has its size only: top and left are -1 and are yet to be
/// drawn. accepted_try is -1 when no shape fitted; the box is then centred and complete.
struct CropChoice {
  int accepted_try = -1;
  Box box;
};

/// torchvision's RandomResizedCrop.make_params: the first shape that fits into the image, else the
/// centred box. Asks next_try() for one shape after the other, at most kCropTries. Precondition:
/// height, width > 0.
template <typename NextTry>
CropChoice choose_crop(int height, int width, double aspect_min, double aspect_max,
                       NextTry next_try) {
  for (uint32_t i = 0; i < kCropTries; ++i) {
    if (const auto box = box_of(height, width, next_try())) return {static_cast<int>(i), *box};
  }
  return {-1, centered_box(height, width, aspect_min, aspect_max)};
}

}  // namespace nearfar
