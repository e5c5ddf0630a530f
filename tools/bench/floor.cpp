// Measures the limits that bench_views compares with.
#include "tools/bench/floor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <future>

#include "augment/blur.h"

namespace nearfar {
namespace {

constexpr int kChannels = 3;
constexpr int64_t kGray = 3;                         // products and sums of a luminance
constexpr int64_t kBlend = 2 * kChannels;            // product and clamp
constexpr int64_t kNormalize = kChannels;            // one product and sum
constexpr int64_t kHue = 4 + 2 + 6 + 1 + 3 + 3 * 6;  // extremes, range, sector, shift, and back

constexpr size_t kChains = 16;  // enough to hide the latency of four cycles on two pipes
using Stopwatch = double (*)(const std::function<void()>&);
using Lanes __attribute__((vector_size(64))) = float;
using Chains = std::array<Lanes, kChains>;

#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
void
multiply_add(Lanes* chains, float factor, int64_t times) {
  Lanes values[kChains];
  for (size_t c = 0; c < kChains; ++c) values[c] = chains[c];
  for (int64_t i = 0; i < times; ++i) {
    for (size_t c = 0; c < kChains; ++c) values[c] = values[c] * factor + factor;
  }
  for (size_t c = 0; c < kChains; ++c) chains[c] = values[c];
}

/// The compiler must not drop what was written because nobody reads it.
void keep(void* written) { asm volatile("" : : "r"(written) : "memory"); }

double products_per_second(double seconds, Stopwatch stopwatch) {
  constexpr int64_t kTimes = 20000;
  Chains chains{};
  double spent = 0.0, products = 0.0;
  while (spent < seconds) {
    spent += stopwatch([&] { multiply_add(chains.data(), 0.5f, kTimes); });
    keep(chains.data());
    products += static_cast<double>(kTimes * kChains * (sizeof(Lanes) / sizeof(float)));
  }
  return products / spent;
}

/// Products and sums of the antialiased triangle filter for all outputs along one axis.
int64_t axis_taps(int input, int output) {
  return static_cast<int64_t>(2.0 * std::max(input, output));
}

int64_t resize_operations(const Box& crop, Size size) {
  const int64_t columns = axis_taps(crop.width, size.width);
  const int64_t rows = axis_taps(crop.height, size.height);
  const int64_t columns_first = crop.height * columns + rows * size.width;
  const int64_t rows_first = crop.width * rows + columns * size.height;
  return kChannels * std::min(columns_first, rows_first);
}

int64_t jitter_operations(Jitter kind) {
  switch (kind) {
    case Jitter::brightness:
      return kBlend;
    case Jitter::hue:
      return kHue;
    default:
      return kGray + kBlend;
  }
}

void read_crop(const Image& image, const Box& crop, uint8_t* row) {
  const size_t pitch = static_cast<size_t>(image.width) * kChannels;
  const uint8_t* begin = image.pixels + crop.top * pitch + crop.left * size_t{kChannels};
  for (int y = 0; y < crop.height; ++y) {
    std::memcpy(row, begin + y * pitch, static_cast<size_t>(crop.width) * kChannels);
    keep(row);
  }
}

}  // namespace

double time_bytes(const PixelSet& pixels, const ViewTask& task) {
  const Size size = task.target().size;
  std::vector<float> batch(static_cast<size_t>(2 * task.count) * size.height * size.width *
                           kChannels);
  std::vector<uint8_t> row(static_cast<size_t>(pixels.width) * kChannels);
  return processor_seconds_of([&] {
    for (int64_t i = 0; i < task.epochs; ++i) {
      const DrawnViews drawn = draw_views(pixels, task, task.epoch + i);
      for (size_t v = 0; v < drawn.views.size(); ++v) {
        read_crop(drawn.images[v], drawn.views[v].crop, row.data());
      }
      std::memset(batch.data(), row[0] & 1, batch.size() * sizeof(float));
      keep(batch.data());
    }
  });
}

int64_t operations(const View& view, const RenderTarget& target) {
  int64_t a_pixel = kNormalize;
  for (int i = 0; i < view.jitter_count; ++i) a_pixel += jitter_operations(view.jitter[i].kind);
  if (view.grayscale) a_pixel += kGray;
  if (view.solarize) a_pixel += 2 * kChannels;
  if (view.blur_kernel > 0) {
    const int64_t radius = blur_reach(view.blur_kernel, view.blur_sigma);
    a_pixel += 2 * kChannels * (2 * radius + 1);
  }
  const int64_t area = int64_t{target.size.height} * target.size.width;
  return resize_operations(view.crop, target.size) + area * a_pixel;
}

double multiply_add_rate(double seconds) {
  return products_per_second(seconds, processor_seconds_of);
}

double multiply_add_rate(int threads, double seconds) {
  std::vector<std::future<double>> others;
  for (int t = 1; t < threads; ++t) {
    others.push_back(std::async(std::launch::async, products_per_second, seconds, wall_seconds_of));
  }
  double sum = products_per_second(seconds, wall_seconds_of);
  for (auto& other : others) sum += other.get();
  return sum;
}

}  // namespace nearfar
