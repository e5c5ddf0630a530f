// The type that losses, distances and statistics are computed in.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

inline at::ScalarType widened(at::ScalarType type) { return c10::promoteTypes(type, at::kFloat); }

/// float32 of bfloat16 and float16, which have too few digits for differences and for sums of many
/// terms; float32 and float64 as they are. Taken once of each input, before it is used twice:
/// gradients are then summed in float32 and rounded once.
inline at::Tensor widened(const at::Tensor& tensor) {
  return tensor.to(widened(tensor.scalar_type()));
}

}  // namespace nearfar
