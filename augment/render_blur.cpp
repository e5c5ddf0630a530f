// The Gaussian blur of the CPU renderer: along rows into a buffer, then along columns back.
#include <algorithm>

#include "augment/blur.h"
#include "augment/render_stages.h"

namespace nearfar {
namespace {

/// Weights at the ends of the kernel below this one are cut off: all
/// that is dropped stays below float32's resolution.
constexpr float kNegligibleWeight = 1e-9f;

/// Writes the row with `radius` reflected pixels on either side.
void pad_row(const float* row, int width, int channels, int radius, float* padded) {
  std::copy(row, row + static_cast<size_t>(width) * channels, padded + radius * channels);
  for (int i = 1; i <= radius; ++i) {
    const float* left = row + reflect(-i, width) * channels;
    const float* right = row + reflect(width - 1 + i, width) * channels;
    std::copy(left, left + channels, padded + (radius - i) * channels);
    std::copy(right, right + channels, padded + (radius + width - 1 + i) * channels);
  }
}

void add_weighted(float weight, const float* values, size_t count, float* sum) {
  for (size_t i = 0; i < count; ++i) sum[i] += weight * values[i];
}

}  // namespace

void blur(int kernel, double sigma, RenderScratch::Buffers& buffers, const Picture& picture) {
  const float* weights = room(buffers.weights, kernel);
  gaussian_weights(kernel, sigma, buffers.weights.data());
  int radius = kernel / 2;
  while (radius > 0 && *weights < kNegligibleWeight) {
    ++weights;
    --radius;
  }
  const auto [height, width] = picture.size;
  const size_t row = picture.row();
  float* padded = room(buffers.padded_row, row + 2 * radius * picture.channels);
  float* blurred = room(buffers.blurred, height * row);
  std::fill(blurred, blurred + height * row, 0.0f);
  for (int y = 0; y < height; ++y) {
    pad_row(picture.values + y * row, width, picture.channels, radius, padded);
    for (int tap = 0; tap <= 2 * radius; ++tap) {
      add_weighted(weights[tap], padded + tap * picture.channels, row, blurred + y * row);
    }
  }
  std::fill(picture.values, picture.values + height * row, 0.0f);
  for (int y = 0; y < height; ++y) {
    for (int tap = 0; tap <= 2 * radius; ++tap) {
      const int from = reflect(y + tap - radius, height);
      add_weighted(weights[tap], blurred + from * row, row, picture.values + y * row);
    }
  }
}

}  // namespace nearfar
