// Counting in buckets.
#include "framework/log/histogram.h"

#include <algorithm>
#include <cmath>

namespace nearfar {

std::optional<Histogram> count_in_buckets(std::span<const float> values, int buckets) {
  Histogram histogram;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double x = value;
    histogram.lowest = histogram.count == 0.0 ? x : std::min(histogram.lowest, x);
    histogram.highest = histogram.count == 0.0 ? x : std::max(histogram.highest, x);
    histogram.count += 1.0;
    histogram.sum += x;
    histogram.sum_of_squares += x * x;
  }
  if (histogram.count == 0.0) return std::nullopt;
  if (histogram.lowest == histogram.highest) buckets = 1;
  const double width = (histogram.highest - histogram.lowest) / buckets;
  for (int i = 1; i < buckets; ++i) histogram.limits.push_back(histogram.lowest + i * width);
  histogram.limits.push_back(histogram.highest);
  histogram.counts.resize(histogram.limits.size());
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const auto limit = std::lower_bound(histogram.limits.begin(), histogram.limits.end(), value);
    histogram.counts[static_cast<size_t>(limit - histogram.limits.begin())] += 1.0;
  }
  return histogram;
}

}  // namespace nearfar
