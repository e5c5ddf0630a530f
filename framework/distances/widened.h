// The precision that distances are computed in.
#pragma once

#include <torch/types.h>

namespace nearfar {

/// Rows at least in float32: bfloat16 has too few digits for differences and no kernels for them.
inline at::Tensor widened(const at::Tensor& rows) {
  return rows.scalar_type() == at::kDouble ? rows : rows.to(at::kFloat);
}

}  // namespace nearfar
