// Rounding first, then units, so that 59.7 seconds are 1m00s and not 60s.
#include "framework/log/quantities.h"

#include <charconv>
#include <cmath>

namespace nearfar {
namespace {

std::string two_digits(int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0.0) return "--";
  if (seconds < 9.95) return format_fixed(seconds, 1) + "s";
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86400;
  // Beyond 10^15 seconds nobody reads the digits, and the conversion would be undefined.
  const auto whole = static_cast<int64_t>(std::llround(std::fmin(seconds, 1e15)));
  if (whole < kMinute) return std::to_string(whole) + "s";
  if (whole < kHour)
    return std::to_string(whole / kMinute) + "m" + two_digits(whole % kMinute) + "s";
  if (whole < kDay) {
    return std::to_string(whole / kHour) + "h" + two_digits(whole % kHour / kMinute) + "m";
  }
  return std::to_string(whole / kDay) + "d" + two_digits(whole % kDay / kHour) + "h";
}

std::string format_count(int64_t count) {
  std::string text = std::to_string(count);
  const int first_digit = count < 0 ? 1 : 0;
  for (int at = static_cast<int>(text.size()) - 3; at > first_digit; at -= 3)
    text.insert(at, 1, ',');
  return text;
}

std::string format_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes > -1024 && bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024.0;
  int unit = 0;
  // 1023.95 would print as 1024.0.
  while (std::abs(value) >= 1023.95 && unit < 5) {
    value /= 1024.0;
    ++unit;
  }
  return format_fixed(value, 1) + " " + kUnits[unit];
}

std::string format_fixed(double value, int decimals) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed, decimals).ptr;
  return {buffer, end};
}

std::string format_significant(double value, int digits) {
  if (!std::isfinite(value)) return format_fixed(value, 0);
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::general, digits).ptr;
  return {buffer, end};
}

}  // namespace nearfar
