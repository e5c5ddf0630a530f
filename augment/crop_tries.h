// The rule of RandomResizedCrop by itself: which of ten drawn shapes becomes the crop.
#pragma once

#include <array>

#include "augment/view.h"

namespace nearfar {

/// One drawn shape: its share of the image's area and the logarithm of width / height.
struct CropTry {
  double area = 1.0;
  double log_aspect = 0.0;
};

using CropTries = std::array<CropTry, 10>;

/// The outcome. The box of an accepted try has its size only: top and left are -1 and are yet to be
/// drawn. accepted_try is -1 when no shape fitted; the box is then centred and complete.
struct CropChoice {
  int accepted_try = -1;
  Box box;
};

/// torchvision's RandomResizedCrop.make_params: the first shape that fits into the image, its sides
/// rounded half to even; else the largest centred box whose aspect (width / height) lies in
/// [aspect_min, aspect_max]. Sides are at least 1. Precondition: height, width > 0.
CropChoice crop_from_tries(int height, int width, const CropTries& tries, double aspect_min,
                           double aspect_max);

}  // namespace nearfar
