// How many unreadable images are bearable.
#include "framework/data/bad_share.h"

#include <cstdio>

#include "framework/error.h"

namespace nearfar {
namespace {

std::string percent(double fraction) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g%%", fraction * 100.0);
  return text;
}

}  // namespace

void require_few_bad(int64_t bad, int64_t size, double most, const std::string& first) {
  const double fraction = static_cast<double>(bad) / static_cast<double>(size);
  if (fraction <= most) return;
  throw DataError(std::to_string(bad) + " of " + std::to_string(size) + " images are unreadable (" +
                  percent(fraction) + "), above data.max_bad_fraction = " + percent(most) +
                  "; first: " + first);
}

}  // namespace nearfar
