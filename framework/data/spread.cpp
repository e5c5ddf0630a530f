// Medians and the steady clock of timings.
#include "framework/data/spread.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace nearfar {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) throw std::invalid_argument("spread_of: expected at least one value");
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2.0;
  return {median, values.front(), values.back()};
}

double steady_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace nearfar
