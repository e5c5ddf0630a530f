// The directions in which rows vary most: a linear map of features, and where t-SNE begins.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace nearfar {

struct PrincipalComponents {
  at::Tensor coordinates;  // [N, k] float64: centred rows along each direction
  at::Tensor directions;   // [k, d] float64, of length 1; the largest entry of each is positive
  at::Tensor explained;    // [k] float64: shares of the variance, descending
};

/// The first k principal components of rows [N, d] (Pearson 1901), from the eigenvectors of the
/// smaller of covariance and Gram matrix, in float64. k is cut to min(N, d); directions without
/// variance are zero. Throws c10::Error for anything but a matrix with rows.
PrincipalComponents principal_components(const at::Tensor& rows, int64_t k);

}  // namespace nearfar
