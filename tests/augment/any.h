// Random numbers for properties, over their whole range from the first case on: rapidcheck's own
// ranges begin narrow.
#pragma once

#include <rapidcheck.h>

namespace nearfar {

/// An integer in [low, end).
inline int any_from(int low, int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, end));
}

/// A number in [low, high], one of 10,001.
inline double any_between(double low, double high) {
  return low + (high - low) * any_from(0, 10001) * 1e-4;
}

}  // namespace nearfar
