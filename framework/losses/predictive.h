// Telling the true item from others by a learned score: CPC's InfoNCE, and NCE.
#pragma once

#include <ATen/core/Tensor.h>

#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// CPC (van den Oord et al. 2018, equations 3 and 4): the score of a target under a context is
/// target^T W context, a W for each step ahead. context [n, c], targets [S, n, z], weights [S, z,
/// c]; n rows are this rank's shard, candidates are the targets of all ranks. The mean over ranks
/// is that of the global batch. bound: log N - loss, a lower bound of the mutual information in
/// nats, of this rank's rows.
struct PredictiveLoss {
  at::Tensor loss;        // the mean over steps
  at::Tensor per_step_S;  // without gradient, as is
  at::Tensor bound_S;
};
PredictiveLoss cpc_loss(Group& group, const at::Tensor& context, const at::Tensor& targets,
                        const at::Tensor& weights, const Shard& own);

/// NCE (Gutmann and Hyvarinen 2010; Mnih and Kavukcuoglu 2013): each true item against k noise
/// items: -log sigmoid(D) - sum_k log(1 - sigmoid(D_k)), D = score - log(k P_noise). scores [n] and
/// noise scores [n, k] are unnormalised log-probabilities; log_noise [n] and [n, k] the
/// log-probabilities of the items under the noise. Mean over the rows.
at::Tensor nce_loss(const at::Tensor& score, const at::Tensor& log_noise,
                    const at::Tensor& noise_score, const at::Tensor& noise_log_noise);

}  // namespace nearfar
