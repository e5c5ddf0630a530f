// Statistics of pixels.
#include "framework/data/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

namespace nearfar {
namespace {

using Histogram = std::array<int64_t, 256>;

void count_pixels(const Image& image, std::vector<Histogram>& histograms) {
  const size_t pixels = static_cast<size_t>(image.height) * static_cast<size_t>(image.width);
  const uint8_t* value = image.pixels;
  for (size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < image.channels; ++c) ++histograms[static_cast<size_t>(c)][*value++];
  }
}

void add_moments(const Histogram& histogram, ChannelStatistics& statistics) {
  double count = 0.0;
  double sum = 0.0;
  for (int v = 0; v < 256; ++v) {
    count += static_cast<double>(histogram[v]);
    sum += static_cast<double>(histogram[v]) * v;
  }
  const double mean = sum / count;
  double squares = 0.0;
  for (int v = 0; v < 256; ++v) {
    squares += static_cast<double>(histogram[v]) * (v - mean) * (v - mean);
  }
  statistics.mean.push_back(mean / 255.0);
  statistics.std.push_back(std::sqrt(squares / count) / 255.0);
}

ChannelStatistics default_statistics(const Dataset& dataset) {
  if (dataset.info().format == "folder") {
    return {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
  }
  ChannelStatistics measured = channel_statistics(dataset, dataset.info().size);
  for (double& value : measured.std) {
    if (value == 0.0) value = 1.0;
  }
  return measured;
}

void check_length(const char* key, const std::vector<double>& values, int channels) {
  if (static_cast<int>(values.size()) == channels) return;
  throw ConfigError(std::string(key) + ": expected " + std::to_string(channels) +
                    " numbers, one for each channel of the data, found " +
                    std::to_string(values.size()));
}

}  // namespace

ChannelStatistics channel_statistics(const Dataset& dataset, int64_t max_images) {
  const int64_t size = dataset.info().size;
  const int64_t count = std::min(size, max_images);
  if (count < 1) throw std::invalid_argument("channel_statistics: expected at least one image");
  std::vector<Histogram> histograms(static_cast<size_t>(dataset.info().channels));
  PixelBuffer storage;
  for (int64_t i = 0; i < count; ++i) {
    // The i-th of `count` evenly spread images, without the overflow of i * size.
    const int64_t index = i * (size / count) + i * (size % count) / count;
    count_pixels(dataset.read(index, storage), histograms);
  }
  ChannelStatistics statistics;
  for (const Histogram& histogram : histograms) add_moments(histogram, statistics);
  return statistics;
}

Normalize resolve_normalize(const DataConfig& config, const Dataset& dataset) {
  const int channels = dataset.info().channels;
  if (!config.mean.empty()) check_length("data.mean", config.mean, channels);
  if (!config.std.empty()) check_length("data.std", config.std, channels);
  ChannelStatistics chosen{config.mean, config.std};
  if (chosen.mean.empty() || chosen.std.empty()) {
    const ChannelStatistics defaults = default_statistics(dataset);
    if (chosen.mean.empty()) chosen.mean = defaults.mean;
    if (chosen.std.empty()) chosen.std = defaults.std;
  }
  Normalize normalize;
  for (int c = 0; c < channels; ++c) {
    normalize.mean[c] = static_cast<float>(chosen.mean[c]);
    normalize.std[c] = static_cast<float>(chosen.std[c]);
  }
  return normalize;
}

}  // namespace nearfar
