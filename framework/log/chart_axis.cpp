// Heckbert, "Nice numbers for graph labels", Graphics Gems 1990, with steps 1, 2, 5.
#include "framework/log/chart_axis.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "framework/log/quantities.h"

namespace nearfar {
namespace {

double round_step(double rough) {
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  // A hair of tolerance: 0.1 / 5 must give 0.02 although the quotient is a little above it.
  const double fraction = rough / power - 1e-9;
  return (fraction <= 1.0 ? 1.0 : fraction <= 2.0 ? 2.0 : fraction <= 5.0 ? 5.0 : 10.0) * power;
}

std::string tick_label(double tick, double step) {
  if (step >= 1e6 || step < 1e-4) {
    char buffer[32];
    const auto end =
        std::to_chars(buffer, buffer + sizeof(buffer), tick, std::chars_format::general, 6).ptr;
    return {buffer, end};
  }
  return format_fixed(tick, std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))));
}

}  // namespace

ChartAxis chart_axis(double low, double high, int intervals) {
  // Values that differ in their last bits only would need more digits than a label has.
  const double least_span = std::max(std::abs(low), std::abs(high)) * 1e-6;
  if (!(high - low > least_span)) {
    const double half = low == 0.0 ? 0.5 : std::abs(low) * 0.1;
    low -= half;
    high += half;
  }
  const double step = round_step((high - low) / intervals);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  ChartAxis axis;
  for (double index = first; index <= last; index += 1.0) {
    const double tick = index == 0.0 ? 0.0 : index * step;  // no "-0.0"
    axis.ticks.push_back(tick);
    axis.labels.push_back(tick_label(tick, step));
  }
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  return axis;
}

}  // namespace nearfar
