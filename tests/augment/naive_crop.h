// RandomResizedCrop once more, word for word from its definition, with generators of the standard
// library; and wrong ones, which the checks must tell from it.
#pragma once

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "augment/crop_tries.h"
#include "augment/view_policy.h"

namespace nearfar {

/// Half to even, spelled out.
inline double rounded(double x) {
  const double below = std::floor(x), rest = x - below;
  if (rest < 0.5 || (rest == 0.5 && std::fmod(below, 2.0) == 0.0)) return below;
  return below + 1.0;
}

using CropTries = std::array<CropTry, kCropTries>;

/// The first of the tries that fits, else the centre; top and left of an accepted one are -1. Sides
/// are at least 1, where the definition would round a side of the fallback to 0.
inline CropChoice naive_choice(int height, int width, const CropTries& tries, double aspect_min,
                               double aspect_max) {
  for (int i = 0; i < 10; ++i) {
    const double ratio = std::exp(tries[i].log_aspect);
    const double area = tries[i].area * (double(height) * double(width));
    const double w = rounded(std::sqrt(area * ratio)), h = rounded(std::sqrt(area / ratio));
    if (w < 1 || w > width || h < 1 || h > height) continue;
    return {i, {-1, -1, int(h), int(w)}};
  }
  double h = height, w = width;
  if (w / h < aspect_min) {
    h = std::max(1.0, rounded(w / aspect_min));
  } else if (w / h > aspect_max) {
    w = std::max(1.0, rounded(h * aspect_max));
  }
  return {-1, {(height - int(h)) / 2, (width - int(w)) / 2, int(h), int(w)}};
}

/// Mistakes that a sampler of crops may make.
enum class Mistake {
  none,
  uniform_aspect,     // the ratio is drawn uniformly, not its logarithm
  uniform_side,       // the square root of the area is drawn uniformly
  one_try,            // the fallback comes after the first try
  last_row_unused,    // positions stop one short of the border
  positions_at_half,  // the position is drawn from half of its range
};

inline std::vector<Box> naive_crops(const ViewPolicy& policy, int height, int width, int count,
                                    Mistake mistake = Mistake::none) {
  std::mt19937_64 generator(20260101);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator);
  };
  const auto position = [&](int places) {
    if (mistake == Mistake::last_row_unused && places > 1) --places;
    if (mistake == Mistake::positions_at_half) places = (places + 1) / 2;
    return std::uniform_int_distribution<int>(0, places - 1)(generator);
  };
  const double low = policy.crop_min, high = policy.crop_max;
  std::vector<Box> boxes;
  while (int(boxes.size()) < count) {
    CropTries tries;
    for (CropTry& each : tries) {
      const double side = uniform(std::sqrt(low), std::sqrt(high));
      each.area = mistake == Mistake::uniform_side ? side * side : uniform(low, high);
      const double ratio = uniform(policy.aspect_min, policy.aspect_max);
      each.log_aspect = mistake == Mistake::uniform_aspect
                            ? std::log(ratio)
                            : uniform(std::log(policy.aspect_min), std::log(policy.aspect_max));
    }
    if (mistake == Mistake::one_try) tries.fill(tries[0]);
    const CropChoice choice =
        naive_choice(height, width, tries, policy.aspect_min, policy.aspect_max);
    boxes.push_back(choice.box);
    if (choice.accepted_try < 0) continue;
    boxes.back().top = position(height - choice.box.height + 1);
    boxes.back().left = position(width - choice.box.width + 1);
  }
  return boxes;
}

}  // namespace nearfar
