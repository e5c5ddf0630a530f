// CPC and NCE.
#include "framework/losses/predictive.h"

#include <torch/types.h>

#include <cmath>

#include "distributed/gather.h"
#include "framework/losses/pairs.h"

namespace nearfar {

PredictiveLoss cpc_loss(Group& group, const at::Tensor& context, const at::Tensor& targets,
                        const at::Tensor& weights, const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards("cpc", group, own);
  TORCH_CHECK(context.dim() == 2 && targets.dim() == 3 && weights.dim() == 3 &&
                  targets.size(1) == context.size(0) && weights.size(0) == targets.size(0) &&
                  weights.size(1) == targets.size(2) && weights.size(2) == context.size(1) &&
                  context.size(0) == own.end - own.begin,
              "cpc: expected context [n, c], targets [S, n, z] and weights [S, z, c], got ",
              context.sizes(), ", ", targets.sizes(), " and ", weights.sizes());
  const at::Tensor all_NSz = gather_with_grad(group, targets.transpose(0, 1).contiguous(), rows);
  const at::Tensor predicted_Snz = context.matmul(weights.transpose(1, 2));
  const at::Tensor scores_SnN = predicted_Snz.matmul(all_NSz.permute({1, 2, 0}));
  const at::Tensor own_Sn = scores_SnN.diagonal(own.begin, 1, 2);
  const at::Tensor terms_Sn = scores_SnN.logsumexp(2) - own_Sn;
  PredictiveLoss result;
  const double share = share_of_row(group, own.total);
  result.loss = terms_Sn.sum() * (share / static_cast<double>(terms_Sn.size(0)));
  result.per_step_S = terms_Sn.detach().mean(1);
  result.bound_S = std::log(static_cast<double>(own.total)) - result.per_step_S;
  return result;
}

at::Tensor nce_loss(const at::Tensor& score, const at::Tensor& log_noise,
                    const at::Tensor& noise_score, const at::Tensor& noise_log_noise) {
  TORCH_CHECK(score.dim() == 1 && noise_score.dim() == 2 && noise_score.size(0) == score.size(0) &&
                  score.sizes() == log_noise.sizes() && noise_score.size(1) > 0 &&
                  noise_score.sizes() == noise_log_noise.sizes(),
              "nce: expected scores [n] and [n, k], k > 0, each with its noise, got ",
              score.sizes(), ", ", log_noise.sizes(), ", ", noise_score.sizes(), " and ",
              noise_log_noise.sizes());
  const double log_k = std::log(static_cast<double>(noise_score.size(1)));
  const at::Tensor positive_n = score - log_noise - log_k;
  const at::Tensor negative_nk = noise_score - noise_log_noise - log_k;
  return (at::softplus(-positive_n, 1, 40) + at::softplus(negative_nk, 1, 40).sum(1)).mean();
}

}  // namespace nearfar
