// Two views of every sample of the global batch, each row against all others.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// What contrastive losses over two views look at: this rank's 2n anchors (first views, then second
/// ones) against the 2N rows of all ranks, in memory of a few [2n, 2N]. Rows are normalised inside;
/// gradients travel back to other ranks in backward, so every rank must differentiate its loss.
struct AnchorsOfTwoViews {
  at::Tensor cosine;    // [2n, 2N]
  at::Tensor positive;  // [2n]: the cosine of the anchor's other view
  at::Tensor others;    // [2n, 2N] bool: neither the anchor nor its other view
  int64_t anchors = 0;  // 2N
};

/// z1, z2 [n, d] of this rank, float32 or float64; bfloat16 is widened. Throws c10::Error that
/// begins with the loss's name as make_pairs does.
AnchorsOfTwoViews meet_all(const char* name, Group& group, const at::Tensor& z1,
                           const at::Tensor& z2, const Shard& own);

}  // namespace nearfar
