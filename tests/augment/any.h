// Random numbers for properties, over their whole range from the first case on: rapidcheck's own
// ranges begin narrow.
#pragma once

#include <rapidcheck.h>

#include "augment/render.h"

namespace nearfar {

/// An integer in [low, end).
inline int any_from(int low, int end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, end));
}

/// A number in [low, high], one of 10,001.
inline double any_between(double low, double high) {
  return low + (high - low) * any_from(0, 10001) * 1e-4;
}

/// A box inside `outer`, of any size from one pixel on.
inline Box any_box_in(const Box& outer) {
  Box box;
  box.height = any_from(1, outer.height + 1);
  box.width = any_from(1, outer.width + 1);
  box.top = outer.top + any_from(0, outer.height - box.height + 1);
  box.left = outer.left + any_from(0, outer.width - box.width + 1);
  return box;
}

/// Either filter, normalised or not.
inline RenderTarget any_target(Size size) {
  RenderTarget target;
  target.size = size;
  target.interpolation = static_cast<Interpolation>(any_from(0, 2));
  if (any_from(0, 2) == 1) target.normalize = {{0.485f, 0.456f, 0.406f}, {0.25f, 0.5f, 1}};
  return target;
}

}  // namespace nearfar
