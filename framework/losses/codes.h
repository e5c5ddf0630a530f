// Codes of samples over prototypes by optimal transport, and the loss that swaps them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

struct SinkhornCodes {
  double epsilon = 0.05;
  int64_t iterations = 3;
};

/// SwAV's codes (Caron et al. 2020, section 3.1): scores [b, K] of this rank's samples, any number;
/// prototypes and samples are scaled in turns to equal shares of all samples of all ranks, samples
/// last, so that each row of the result [b, K] sums to 1. In logarithms: no epsilon overflows. No
/// gradient. A collective.
at::Tensor sinkhorn_codes(Group& group, const at::Tensor& scores, const SinkhornCodes& options);

struct SwappedPrediction {
  double temperature = 0.1;
  SinkhornCodes codes;
};

/// SwAV's loss: scores[v] [n, K] are cosines of view v with the prototypes, the first two of the
/// full-size crops, which give codes; queue_scores (none, or one [q, K] for each of them) takes
/// part in the codes alone. The mean over the two of the mean over the other views of the cross
/// entropy of their scores / temperature against the codes. The mean over ranks is the loss of the
/// global batch.
struct SwappedPredictionLoss {
  at::Tensor loss;
  std::vector<at::Tensor> codes;  // of the first two views, [n, K]
};
SwappedPredictionLoss swav_loss(Group& group, const std::vector<at::Tensor>& scores,
                                const std::vector<at::Tensor>& queue_scores,
                                const SwappedPrediction& options, const Shard& own);

}  // namespace nearfar
