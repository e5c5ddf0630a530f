// Values counted in buckets.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace nearfar {

/// Finite values in buckets of equal width. Bucket i holds what lies above limits[i - 1] (for the
/// first: from `lowest` on) and up to limits[i]; the last limit is `highest`.
struct Histogram {
  double lowest = 0.0;
  double highest = 0.0;
  double count = 0.0;
  double sum = 0.0;
  double sum_of_squares = 0.0;
  std::vector<double> limits;
  std::vector<double> counts;
};

/// `buckets` buckets between the lowest and the highest value, one where they are the same. Values
/// that are not finite are left out; nothing when none is left.
std::optional<Histogram> count_in_buckets(std::span<const float> values, int buckets);

}  // namespace nearfar
