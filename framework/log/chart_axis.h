// Axes of charts: round numbers for ticks, and their labels.
#pragma once

#include <string>
#include <vector>

namespace nearfar {

struct ChartAxis {
  double low = 0.0, high = 1.0;     // the ends, both ticks
  std::vector<double> ticks;        // ascending multiples of 1, 2 or 5 times a power of ten
  std::vector<std::string> labels;  // one for each tick, all with the same number of decimals
};

/// The axis with about `intervals` tick distances that covers the finite values [low, high]. Equal
/// or nearly equal ends are moved apart.
ChartAxis chart_axis(double low, double high, int intervals);

}  // namespace nearfar
