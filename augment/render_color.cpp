// The colour stages of the CPU renderer: every operation of pixel.h over a whole picture.
#include "augment/pixel.h"
#include "augment/render_stages.h"

namespace nearfar {
namespace {

/// Replaces each RGB pixel by change(pixel).
template <typename Change>
void change_pixels(const Picture& picture, Change change) {
  float* value = picture.values;
  for (size_t i = 0; i < picture.pixels(); ++i, value += 3) {
    const Color color = change(Color{value[0], value[1], value[2]});
    value[0] = color.red;
    value[1] = color.green;
    value[2] = color.blue;
  }
}

/// Replaces each value by change(value).
template <typename Change>
void change_values(const Picture& picture, Change change) {
  const size_t count = picture.pixels() * picture.channels;
  for (size_t i = 0; i < count; ++i) picture.values[i] = change(picture.values[i]);
}

/// Rows are summed in float32, the rows' sums in double: exact enough and cheap.
float mean_gray(const Picture& picture) {
  double total = 0.0;
  const float* value = picture.values;
  for (int y = 0; y < picture.size.height; ++y) {
    float row_total = 0.0f;
    for (int x = 0; x < picture.size.width; ++x, value += picture.channels) {
      row_total += picture.channels == 1 ? *value : gray_level({value[0], value[1], value[2]});
    }
    total += row_total;
  }
  return static_cast<float>(total / static_cast<double>(picture.pixels()));
}

}  // namespace

void apply_jitter(const JitterStep& step, const Picture& picture) {
  const auto factor = static_cast<float>(step.factor);
  const Blend blend = make_blend(step.factor);
  const bool colored = picture.channels == 3;
  switch (step.kind) {
    case Jitter::brightness:
      change_values(picture, [=](float value) { return adjust_brightness(value, factor); });
      break;
    case Jitter::contrast: {
      const float mean = mean_gray(picture);
      change_values(picture, [=](float value) { return blend_unit(value, mean, blend); });
      break;
    }
    case Jitter::saturation:
      if (!colored) break;
      change_pixels(picture, [=](Color color) { return adjust_saturation(color, blend); });
      break;
    case Jitter::hue:
      if (!colored) break;
      change_pixels(picture, [=](Color color) { return adjust_hue(color, factor); });
      break;
  }
}

void drop_color(const Picture& picture) {
  if (picture.channels == 1) return;
  change_pixels(picture, [](Color color) {
    const float gray = gray_level(color);
    return Color{gray, gray, gray};
  });
}

void apply_solarize(double threshold, const Picture& picture) {
  const auto limit = static_cast<float>(threshold);
  change_values(picture, [=](float value) { return solarize(value, limit); });
}

void apply_normalize(const Normalize& parameters, const Picture& picture) {
  float* value = picture.values;
  for (size_t i = 0; i < picture.pixels(); ++i) {
    for (int c = 0; c < picture.channels; ++c, ++value) {
      *value = normalize(*value, parameters.mean[c], parameters.std[c]);
    }
  }
}

}  // namespace nearfar
