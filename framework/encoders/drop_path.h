// Stochastic depth: residual branches that are left out at random, image by image.
#pragma once

#include <ATen/core/Tensor.h>

#include "augment/random.h"
#include "framework/encoders/encoder.h"

namespace nearfar {

/// Stochastic depth (Huang et al. 2016) by image, with timm's scale: each row of `branch` [N, ...]
/// is zero with probability `rate` and divided by 1 - rate otherwise. One key is taken from
/// `random`; the choice for a row follows from it and the row's number in the global batch, so that
/// pieces of a batch, on other ranks or embedded twice, lose the same rows. rate 0 returns the
/// branch and takes no key. Precondition: 0 <= rate < 1.
at::Tensor drop_path(const at::Tensor& branch, double rate, const NormPlan& plan, Random& random);

}  // namespace nearfar
