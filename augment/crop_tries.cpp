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

}  // namespace

CropChoice crop_from_tries(int height, int width, const CropTries& tries, double aspect_min,
                           double aspect_max) {
  const double area = static_cast<double>(height) * width;
  for (size_t i = 0; i < tries.size(); ++i) {
    const double aspect = std::exp(tries[i].log_aspect);
    const double box_width = std::nearbyint(std::sqrt(area * tries[i].area * aspect));
    const double box_height = std::nearbyint(std::sqrt(area * tries[i].area / aspect));
    if (0 < box_width && box_width <= width && 0 < box_height && box_height <= height) {
      return {static_cast<int>(i),
              {-1, -1, static_cast<int>(box_height), static_cast<int>(box_width)}};
    }
  }
  return {-1, centered_box(height, width, aspect_min, aspect_max)};
}

}  // namespace nearfar
