// Telling the true item from others by a learned score: CPC's InfoNCE, and NCE.
#pragma once

#include <ATen/core/Tensor.h>

#include "augment/random.h"
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

/// Which targets of a batch predictions are told from: P targets an image, all ranks' images.
struct Candidates {
  at::Tensor rows_Kz;   // with their gradient
  at::Tensor among_NP;  // bool, on the CPU: which of all targets they are; undefined: all of them
};

/// The targets of all ranks, `count` of them drawn without repetition where 0 < count < N P. The
/// draw is one for all ranks: `random` must be in the same state on each. targets [n, P, z] are
/// those of this rank's shard. A collective, and so is its backward.
Candidates draw_candidates(Group& group, const at::Tensor& targets, const Shard& own, int64_t count,
                           Random random);

/// CPC in images (van den Oord et al. 2018, section 3.3; Henaff et al. 2020, appendix A): m
/// predictions an image [n, m, z], the j-th of which means the j-th of the image's last m targets;
/// told from the candidates and, where it is none of them, that target itself. The score is the
/// inner product. loss: the mean over ranks is that of the global batch.
struct PlacesLoss {
  at::Tensor loss;
  double log_candidates = 0.0;  // mean over the global batch of ln N, what guessing costs
};
PlacesLoss places_loss(Group& group, const at::Tensor& predictions, const at::Tensor& targets,
                       const Candidates& candidates, const Shard& own);

/// NCE (Gutmann and Hyvarinen 2010; Mnih and Kavukcuoglu 2013): each true item against k noise
/// items: -log sigmoid(D) - sum_k log(1 - sigmoid(D_k)), D = score - log(k P_noise). scores [n] and
/// noise scores [n, k] are unnormalised log-probabilities; log_noise [n] and [n, k] the
/// log-probabilities of the items under the noise. Mean over the rows.
at::Tensor nce_loss(const at::Tensor& score, const at::Tensor& log_noise,
                    const at::Tensor& noise_score, const at::Tensor& noise_log_noise);

}  // namespace nearfar
