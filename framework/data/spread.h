// Timings that were repeated: their median and how far they scatter.
#pragma once

#include <vector>

namespace nearfar {

struct Spread {
  double median = 0.0;
  double low = 0.0;  // the smallest and the largest
  double high = 0.0;
};

/// Throws std::invalid_argument for no values.
Spread spread_of(std::vector<double> values);

/// Seconds of a steady clock.
double steady_now();

}  // namespace nearfar
