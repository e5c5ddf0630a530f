// Natural order of paths.
#include "framework/data/natural_order.h"

#include <cstdint>

namespace nearfar {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A slash ranks below every other byte, so that a folder's files stay together.
int rank_of(char c) { return c == '/' ? -1 : static_cast<uint8_t>(c); }

/// The run of digits at the front of `text`, leading zeros stripped; `text` moves behind it.
std::string_view take_number(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  size_t begin = 0;
  while (begin < end && text[begin] == '0') ++begin;
  const std::string_view number = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return number;
}

int compare_numbers(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const std::string_view number_a = take_number(a);
      const int order = compare_numbers(number_a, take_number(b));
      if (order != 0) return order < 0;
    } else {
      if (a[0] != b[0]) return rank_of(a[0]) < rank_of(b[0]);
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

}  // namespace nearfar
