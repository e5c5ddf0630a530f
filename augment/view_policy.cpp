// Draws views: ten tries of a crop, and every later choice from a fixed amount of randomness.
#include "augment/view_policy.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "augment/crop_tries.h"

namespace nearfar {
namespace {

/// Uniform in 0..count - 1 from exactly one number: Random::below may draw again, and the choices
/// that follow would shift. The bias is below count / 2^53.
int draw_index(int count, Random& random) { return static_cast<int>(random.uniform() * count); }

std::array<Jitter, 4> draw_order(Random& random) {
  std::array<Jitter, 4> order{Jitter::brightness, Jitter::contrast, Jitter::saturation,
                              Jitter::hue};
  for (int last = 3; last > 0; --last) std::swap(order[last], order[draw_index(last + 1, random)]);
  return order;
}

double strength(const ViewPolicy& policy, Jitter kind) {
  switch (kind) {
    case Jitter::brightness:
      return policy.brightness;
    case Jitter::contrast:
      return policy.contrast;
    case Jitter::saturation:
      return policy.saturation;
    default:
      return policy.hue;
  }
}

double draw_factor(Jitter kind, double strength, Random& random) {
  if (kind == Jitter::hue) return random.uniform(-strength, strength);
  return random.uniform(std::max(0.0, 1.0 - strength), 1.0 + strength);
}

void draw_jitter(const ViewPolicy& policy, Random& random, View& view) {
  const bool apply = random.chance(policy.jitter);
  for (const Jitter kind : draw_order(random)) {
    const double factor = draw_factor(kind, strength(policy, kind), random);
    if (apply && strength(policy, kind) > 0.0) view.jitter[view.jitter_count++] = {kind, factor};
  }
}

void draw_blur(const ViewPolicy& policy, Random& random, View& view) {
  const bool apply = random.chance(policy.blur);
  const double sigma = random.uniform(policy.blur_sigma_min, policy.blur_sigma_max);
  if (!apply) return;
  view.blur_kernel = static_cast<int>(blur_taps(policy));
  view.blur_sigma = sigma;
}

}  // namespace

int64_t blur_taps(const ViewPolicy& policy) {
  if (policy.blur_kernel > 0) return policy.blur_kernel;
  return std::max<int64_t>(3, policy.size / 10 | 1);
}

std::string policy_error(const ViewPolicy& policy) {
  std::ostringstream error;
  if (policy.crop_min > policy.crop_max) {
    error << "crop_min: " << policy.crop_min << " is above crop_max " << policy.crop_max;
  } else if (policy.aspect_min > policy.aspect_max) {
    error << "aspect_min: " << policy.aspect_min << " is above aspect_max " << policy.aspect_max;
  } else if (policy.blur_sigma_min > policy.blur_sigma_max) {
    error << "blur_sigma_min: " << policy.blur_sigma_min << " is above blur_sigma_max "
          << policy.blur_sigma_max;
  } else if (policy.blur_kernel != 0 && policy.blur_kernel % 2 == 0) {
    error << "blur_kernel: " << policy.blur_kernel << " is not odd";
  } else if (policy.blur > 0.0 && blur_taps(policy) / 2 >= policy.size) {
    error << "blur_kernel: " << blur_taps(policy) << " taps reach over a size of " << policy.size;
  }
  return error.str();
}

Box draw_crop(const ViewPolicy& policy, int height, int width, Random& random) {
  const double log_min = std::log(policy.aspect_min);
  const double log_max = std::log(policy.aspect_max);
  uint32_t tries = 0;
  const auto next_try = [&] {
    ++tries;
    const double area = random.uniform(policy.crop_min, policy.crop_max);
    return CropTry{area, random.uniform(log_min, log_max)};
  };
  const CropChoice choice =
      choose_crop(height, width, policy.aspect_min, policy.aspect_max, next_try);
  random.skip_uniform(2 * (kCropTries - tries));
  Box box = choice.box;
  const int top = draw_index(height - box.height + 1, random);
  const int left = draw_index(width - box.width + 1, random);
  if (choice.accepted_try >= 0) {
    box.top = top;
    box.left = left;
  }
  return box;
}

View draw(const ViewPolicy& policy, int height, int width, Random& random) {
  View view;
  view.crop = draw_crop(policy, height, width, random);
  view.flip = random.chance(policy.flip);
  draw_jitter(policy, random, view);
  view.grayscale = random.chance(policy.grayscale);
  draw_blur(policy, random, view);
  view.solarize = random.chance(policy.solarize);
  view.solarize_threshold = policy.solarize_threshold;
  return view;
}

}  // namespace nearfar
