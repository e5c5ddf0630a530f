// Rows of length one, and the gradient through the normalisation.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// x / |x| for every row x (along the last dimension), with no square that over- or underflows. A
/// row of zeros stays zero, and the gradient passes through it unchanged. Not differentiated by
/// autograd: through() is the adjoint.
struct UnitRows {
  explicit UnitRows(const at::Tensor& rows);

  /// The gradient at the rows, given the one at the unit rows: (g - u (g . u)) / |x|. Overwrites
  /// its argument and returns it.
  at::Tensor through(at::Tensor gradient) const;

  at::Tensor unit;

 private:
  at::Tensor largest_, length_;  // [..., 1]: |x| is their product
};

/// The same as a function that autograd differentiates, once.
at::Tensor normalized_rows(const at::Tensor& rows);

}  // namespace nearfar
