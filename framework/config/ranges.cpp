// Numbers of a range in their shortest form.
#include "framework/config/ranges.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace nearfar {
namespace {

template <typename Number>
std::string shortest(Number value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr};
}

template <typename Number>
std::string interval(Number low, Number high, bool open_below, bool open_above) {
  if (open_below && open_above) return "";
  return (open_below ? "(-inf" : "[" + shortest(low)) + ", " +
         (open_above ? "inf)" : shortest(high) + "]");
}

}  // namespace

std::string range_text(double low, double high) {
  return interval(low, high, std::isinf(low), std::isinf(high));
}

std::string range_text(int64_t low, int64_t high) {
  using Limits = std::numeric_limits<int64_t>;
  return interval(low, high, low == Limits::min(), high == Limits::max());
}

std::string choices_text(const std::vector<std::string>& choices) {
  std::string text;
  for (const std::string& choice : choices) text += (text.empty() ? "" : " | ") + choice;
  return text;
}

}  // namespace nearfar
