// Collectives that autograd can pass through, each with its exact (summing) adjoint.
#pragma once

#include "distributed/group.h"

namespace nearfar {

/// All rows in rank order: mine [n_r, ...] -> [sum n_r, ...]. Backward sums over ranks and returns
/// this rank's rows (reduce-scatter SUM): averaging gradients over ranks then yields the gradient
/// of the mean of the ranks' losses.
at::Tensor gather_with_grad(Group& group, const at::Tensor& mine, const std::vector<int64_t>& rows);

/// Sum over ranks; backward sums the incoming gradients over ranks.
at::Tensor sum_with_grad(Group& group, const at::Tensor& mine);

}  // namespace nearfar
