// Definitions, one after the other, without regard for speed.
#include "tests/augment/gold_renderer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace nearfar::gold {
namespace {

struct Canvas {
  int height, width, channels;
  std::vector<double> values;
  double& at(int y, int x, int c) { return values[(size_t(y) * width + x) * channels + c]; }
};

double unit(double value) { return std::min(1.0, std::max(0.0, value)); }

double filter(Interpolation interpolation, double x) {
  x = std::abs(x);
  if (interpolation == Interpolation::bilinear) return std::max(0.0, 1.0 - x);
  const double a = -0.5;  // Keys 1981, equation 15 with this a
  if (x <= 1.0) return (a + 2.0) * x * x * x - (a + 3.0) * x * x + 1.0;
  if (x <= 2.0) return a * x * x * x - 5.0 * a * x * x + 8.0 * a * x - 4.0 * a;
  return 0.0;
}

/// The inputs that weigh something, with their weights.
std::vector<std::pair<int, double>> taps(Interpolation interpolation, int input_size,
                                         int output_size, int index) {
  std::vector<std::pair<int, double>> heavy;
  const auto weights = resample_weights(interpolation, input_size, output_size, index);
  for (int i = 0; i < input_size; ++i) {
    if (weights[i] != 0.0) heavy.emplace_back(i, weights[i]);
  }
  return heavy;
}

Canvas resized(const Image& image, const Box& crop, const RenderTarget& target) {
  Canvas canvas{target.size.height, target.size.width, image.channels, {}};
  canvas.values.resize(size_t(canvas.height) * canvas.width * canvas.channels);
  for (int x = 0; x < canvas.width; ++x) {
    const auto columns = taps(target.interpolation, crop.width, canvas.width, x);
    for (int y = 0; y < canvas.height; ++y) {
      for (const auto& [i, row_weight] :
           taps(target.interpolation, crop.height, canvas.height, y)) {
        for (const auto& [j, column_weight] : columns) {
          const size_t place =
              size_t(crop.top - image.top + i) * image.width + crop.left - image.left + j;
          for (int c = 0; c < image.channels; ++c)
            canvas.at(y, x, c) +=
                row_weight * column_weight * image.pixels[place * image.channels + c] / 255.0;
        }
      }
    }
  }
  return canvas;
}

double gray(const double* pixel, int channels) {
  return channels == 1 ? pixel[0] : 0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

/// Hue by the hexagon's side, colours by the closed form c = v - v s max(0, min(k, 4 - k, 1)).
void shift_hue(double* pixel, double turns) {
  const double max = std::max({pixel[0], pixel[1], pixel[2]});
  const double range = max - std::min({pixel[0], pixel[1], pixel[2]});
  if (range == 0.0) return;
  double sixths = 0.0;
  if (max == pixel[0]) {
    sixths = (pixel[1] - pixel[2]) / range;
  } else if (max == pixel[1]) {
    sixths = 2.0 + (pixel[2] - pixel[0]) / range;
  } else {
    sixths = 4.0 + (pixel[0] - pixel[1]) / range;
  }
  const std::array<double, 3> start{5.0, 3.0, 1.0};
  for (int c = 0; c < 3; ++c) {
    const double k = std::fmod(start[c] + sixths + 6.0 * turns + 12.0, 6.0);
    pixel[c] = max - range * std::max(0.0, std::min({k, 4.0 - k, 1.0}));
  }
}

void jitter(Canvas& canvas, const JitterStep& step) {
  const int channels = canvas.channels;
  const bool colorless = channels == 1;
  double mean = 0.0;
  for (size_t i = 0; i < canvas.values.size(); i += channels)
    mean += gray(&canvas.values[i], channels);
  mean /= double(canvas.height) * canvas.width;
  for (size_t i = 0; i < canvas.values.size(); i += channels) {
    double* pixel = &canvas.values[i];
    const double own_gray = gray(pixel, channels);
    if (step.kind == Jitter::hue && !colorless) shift_hue(pixel, step.factor);
    for (int c = 0; c < channels; ++c) {
      if (step.kind == Jitter::brightness) pixel[c] = unit(step.factor * pixel[c]);
      if (step.kind == Jitter::contrast)
        pixel[c] = unit(step.factor * pixel[c] + (1.0 - step.factor) * mean);
      if (step.kind == Jitter::saturation && !colorless)
        pixel[c] = unit(step.factor * pixel[c] + (1.0 - step.factor) * own_gray);
    }
  }
}

int mirrored(int index, int size) {
  const int last = size - 1;
  return last - std::abs(last - std::abs(index));
}

/// Along columns, then along rows: the weights of the plane are products of those of a line.
void blur(Canvas& canvas, int across, int downwards, double sigma) {
  for (const bool down : {true, false}) {
    const int kernel = down ? downwards : across, radius = kernel / 2;
    std::vector<double> weights;
    for (int i = -radius; i <= radius; ++i)
      weights.push_back(std::exp(-i * i / (2 * sigma * sigma)));
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    Canvas source = canvas;
    std::fill(canvas.values.begin(), canvas.values.end(), 0.0);
    for (int y = 0; y < canvas.height; ++y) {
      for (int x = 0; x < canvas.width; ++x) {
        for (int i = 0; i < kernel; ++i) {
          const int from_y = down ? mirrored(y + i - radius, canvas.height) : y;
          const int from_x = down ? x : mirrored(x + i - radius, canvas.width);
          for (int c = 0; c < canvas.channels; ++c)
            canvas.at(y, x, c) += weights[i] / total * source.at(from_y, from_x, c);
        }
      }
    }
  }
}

void flip(Canvas& canvas) {
  Canvas source = canvas;
  for (int y = 0; y < canvas.height; ++y)
    for (int x = 0; x < canvas.width; ++x)
      for (int c = 0; c < canvas.channels; ++c)
        canvas.at(y, x, c) = source.at(y, canvas.width - 1 - x, c);
}

Rendering finished(const Canvas& canvas, const View& view, const Normalize& normalize) {
  Rendering rendering{canvas.values, canvas.values};
  for (size_t i = 0; i < canvas.values.size(); ++i) {
    const double value = canvas.values[i];
    const bool inverted = view.solarize && value >= view.solarize_threshold;
    const bool near = view.solarize && std::abs(value - view.solarize_threshold) < 1e-5;
    const double mean = normalize.mean[i % canvas.channels];
    const double std = normalize.std[i % canvas.channels];
    rendering.values[i] = ((inverted ? 1.0 - value : value) - mean) / std;
    rendering.alternative[i] = ((inverted != near ? 1.0 - value : value) - mean) / std;
  }
  return rendering;
}

}  // namespace

std::vector<double> resample_weights(Interpolation interpolation, int input_size, int output_size,
                                     int index) {
  const double scale = double(input_size) / output_size;
  std::vector<double> weights(input_size);
  for (int i = 0; i < input_size; ++i) {
    const double distance = (i + 0.5 - (index + 0.5) * scale) / std::max(scale, 1.0);
    weights[i] = filter(interpolation, distance);
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  return weights;
}

Rendering render(const Image& image, const View& view, const RenderTarget& target) {
  Canvas canvas = resized(image, view.crop, target);
  if (view.flip) flip(canvas);
  for (int i = 0; i < view.jitter_count; ++i) jitter(canvas, view.jitter[i]);
  if (view.grayscale) {
    for (size_t i = 0; i < canvas.values.size(); i += canvas.channels) {
      const double level = gray(&canvas.values[i], canvas.channels);
      std::fill_n(canvas.values.begin() + i, canvas.channels, level);
    }
  }
  if (view.blur_kernel > 0) blur(canvas, view.blur_kernel, blur_taps_down(view), view.blur_sigma);
  return finished(canvas, view, target.normalize);
}

}  // namespace nearfar::gold
