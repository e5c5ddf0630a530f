// How closed ranges and choices are written in messages, listings and documentation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

/// "[0.001, 10]"; infinite ends are open: "[1, inf)", and "" when both are infinite.
std::string range_text(double low, double high);
/// The same for integers, where the ends of int64 count as infinite.
std::string range_text(int64_t low, int64_t high);
/// "sgd | lars"; "" without choices.
std::string choices_text(const std::vector<std::string>& choices);

}  // namespace nearfar
