// Contrastive losses whose negatives or positives are weighted: decoupled, supervised, hard.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

// z1, z2 or embeddings [n, d] are this rank's shard of the global batch, normalised inside; the
// mean over ranks of a loss is that of the global batch. Temperatures are above 0.

/// The weight of DCLW: 2 - exp(c_i / sigma) / mean_j exp(c_j / sigma), c_i = cos(z1_i, z2_i).
struct PositiveWeight {
  double sigma = 0.5;
  /// Whether the weight passes gradients (the paper mentions no stop; lightly stops).
  bool with_gradient = false;
};

/// Decoupled contrastive learning (Yeh et al. 2022, equation 6): for each of the 2N anchors the
/// log-sum-exp over the rows that are neither itself nor its positive, minus the positive's logit,
/// times a weight if one is asked for (DCLW). N >= 2.
struct Decoupled {
  at::Tensor loss;
  at::Tensor weight_n;  // of each sample; undefined without
};
Decoupled decoupled_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                         double temperature, const std::optional<PositiveWeight>& weight,
                         const Shard& own);

struct HardNegatives {
  double temperature = 0.5;
  double beta = 1.0;      // how much nearer negatives count more; 0: debiasing alone
  double tau_plus = 0.1;  // how probable it is that a negative is of the anchor's class
};

/// Robinson et al. 2021, equation 4, as in their code; beta = 0: Chuang et al. 2020. In logarithms
/// throughout, so no temperature overflows. `clamped` counts anchors of this rank whose negatives
/// are at their lower bound. N >= 2.
struct HardNegativeLoss {
  at::Tensor loss, clamped;
};
HardNegativeLoss hard_negative_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                                    const HardNegatives& options, const Shard& own);

/// Where the mean over an anchor's positives stands (Khosla et al. 2020, equations 2 and 3).
enum class SupConForm { mean_outside_log, mean_inside_log };

/// Supervised contrastive loss: rows of one label are positives, any number of views, flattened.
/// Mean over the anchors that have a positive; 0 where none has.
at::Tensor sup_con(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                   double temperature, SupConForm form, const Shard& own);

}  // namespace nearfar
