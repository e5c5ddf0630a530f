// Distances that look at directions or inner products.
#pragma once

#include "framework/distances/distance.h"

namespace nearfar {

/// -x . y
class InnerProductDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// 1 - cos(x, y), half the squared distance of the unit rows; a row of zeros is at 1 from all.
class CosineDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

/// The angle between x and y over pi, as 2 atan2(|u - v|, |u + v|) of the unit rows: exact for
/// small angles, where the arccos of a rounded cosine loses half the digits, and without its
/// infinite slope at 0 and pi. A row of zeros is at 1/2 from all.
class AngularDistance final : public Distance {
 protected:
  at::Tensor pairwise(const at::Tensor& x, const at::Tensor& y) const override;
  at::Tensor rowwise(const at::Tensor& x, const at::Tensor& y) const override;
};

}  // namespace nearfar
