// Ten tries, then the centre.
#include "augment/crop_tries.h"

#include <algorithm>
#include <cmath>

namespace nearfar {
namespace {

/// Rounded half to even, the rounding mode of every program that does not change it.
int rounded_side(double side, int most) {
  return static_cast<int>(std::clamp(std::nearbyint(side), 1.0, static_cast<double>(most)));
}

}  // namespace

Box centered_box(int height, int width, double aspect_min, double aspect_max) {
  const double aspect = static_cast<double>(width) / height;
  Box box{0, 0, height, width};
  if (aspect < aspect_min) {
    box.height = rounded_side(width / aspect_min, height);
  } else if (aspect > aspect_max) {
    box.width = rounded_side(height * aspect_max, width);
  }
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

std::optional<Box> box_of(int height, int width, const CropTry& shape) {
  const double area = static_cast<double>(height) * width * shape.area;
  const double aspect = std::exp(shape.log_aspect);
  const double box_width = std::nearbyint(std::sqrt(area * aspect));
  const double box_height = std::nearbyint(std::sqrt(area / aspect));
  const bool fits = 0 < box_width && box_width <= width && 0 < box_height && box_height <= height;
  if (!fits) return std::nullopt;
  return Box{-1, -1, static_cast<int>(box_height), static_cast<int>(box_width)};
}

}  // namespace nearfar
