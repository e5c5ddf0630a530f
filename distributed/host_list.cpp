// Brackets, ranges and repetitions, one after the other from left to right.
#include "distributed/host_list.h"

#include <charconv>
#include <stdexcept>

namespace nearfar {
namespace {

constexpr size_t kMostHosts = 65536;

/// The pieces between commas that stand outside of brackets.
std::vector<std::string> split_outside_brackets(const std::string& text) {
  std::vector<std::string> pieces(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (depth < 0 || depth > 1) throw std::invalid_argument("a bracket is out of place");
    if (c == ',' && depth == 0) {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  if (depth != 0) throw std::invalid_argument("a bracket is not closed");
  for (const std::string& piece : pieces) {
    if (piece.empty()) throw std::invalid_argument("a name is empty");
  }
  return pieces;
}

std::string padded(int number, size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width > digits.size() ? width - digits.size() : 0, '0') + digits;
}

/// "01,03-05" is 01, 03, 04, 05.
std::vector<std::string> expand_ranges(const std::string& text) {
  std::vector<std::string> numbers;
  for (const std::string& piece : split_outside_brackets(text)) {
    const size_t dash = piece.find('-');
    const std::string first = piece.substr(0, dash);
    const int begin = parse_whole(first);
    const int end = dash == std::string::npos ? begin : parse_whole(piece.substr(dash + 1));
    if (end < begin || static_cast<size_t>(end - begin) >= kMostHosts) {
      throw std::invalid_argument("\"" + piece + "\" is no range");
    }
    for (int number = begin; number <= end; ++number) {
      numbers.push_back(padded(number, first.size()));
    }
  }
  return numbers;
}

std::vector<std::string> expand_name(const std::string& name) {
  const size_t open = name.find('[');
  if (open == std::string::npos) return {name};
  const size_t close = name.find(']');
  const std::vector<std::string> ends = expand_name(name.substr(close + 1));
  std::vector<std::string> names;
  for (const std::string& number : expand_ranges(name.substr(open + 1, close - open - 1))) {
    for (const std::string& end : ends) names.push_back(name.substr(0, open) + number + end);
    if (names.size() > kMostHosts) throw std::invalid_argument("more than 65,536 hosts");
  }
  return names;
}

}  // namespace

int parse_whole(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end || text.empty() || text.front() == '-') {
    throw std::invalid_argument("\"" + text + "\" is no whole number");
  }
  return number;
}

std::vector<std::string> expand_host_list(const std::string& text) {
  std::vector<std::string> hosts;
  for (const std::string& name : split_outside_brackets(text)) {
    for (std::string& host : expand_name(name)) hosts.push_back(std::move(host));
    if (hosts.size() > kMostHosts) throw std::invalid_argument("more than 65,536 hosts");
  }
  return hosts;
}

std::vector<int> expand_counts(const std::string& text) {
  std::vector<int> counts;
  for (const std::string& piece : split_outside_brackets(text)) {
    const size_t open = piece.find("(x");
    int times = 1;
    if (open != std::string::npos) {
      if (piece.back() != ')') throw std::invalid_argument("a parenthesis is not closed");
      times = parse_whole(piece.substr(open + 2, piece.size() - open - 3));
    }
    if (times < 1 || counts.size() + static_cast<size_t>(times) > kMostHosts) {
      throw std::invalid_argument("\"" + piece + "\" is no count of tasks");
    }
    counts.insert(counts.end(), static_cast<size_t>(times), parse_whole(piece.substr(0, open)));
  }
  return counts;
}

}  // namespace nearfar
