// The type that losses and distances compute in.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// float32 of bfloat16 and float16, which have too few digits for differences and for sums of many
/// terms; float32 and float64 as they are. Taken once of each input, before it is used twice:
/// gradients are then summed in float32 and rounded once.
inline at::Tensor widened(const at::Tensor& tensor) {
  return tensor.to(c10::promoteTypes(tensor.scalar_type(), at::kFloat));
}

}  // namespace nearfar
