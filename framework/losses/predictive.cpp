// CPC and NCE.
#include "framework/losses/predictive.h"

#include <torch/types.h>

#include <cmath>

#include "distributed/gather.h"
#include "framework/losses/pairs.h"
#include "framework/ship.h"
#include "framework/widened.h"

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
  const at::Tensor all_NSz =
      gather_with_grad(group, widened(targets).transpose(0, 1).contiguous(), rows);
  const at::Tensor predicted_Snz = widened(context).matmul(widened(weights).transpose(1, 2));
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

Candidates draw_candidates(Group& group, const at::Tensor& targets, const Shard& own, int64_t count,
                           Random random) {
  TORCH_CHECK(targets.dim() == 3 && targets.size(0) == own.size() && count >= 0,
              "cpc: expected targets [n, P, z] of ", own.size(), " images, got ", targets.sizes(),
              ", and no negative count, got ", count);
  const int64_t places = targets.size(1), all = own.total * places;
  const at::Tensor all_Mz =
      gather_with_grad(group, widened(targets).contiguous(), rows_of_shards("cpc", group, own))
          .flatten(0, 1);
  if (count == 0 || count >= all) return {all_Mz, {}};
  const at::Tensor among = at::zeros({all}, at::kBool);
  bool* chosen = among.mutable_data_ptr<bool>();
  for (int64_t i = all - count; i < all; ++i) {  // Floyd's draw: each subset is as likely
    const int64_t drawn = random.below(i + 1);
    chosen[chosen[drawn] ? i : drawn] = true;
  }
  const at::Tensor numbers = among.nonzero().squeeze(1);
  return {all_Mz.index_select(0, ship(numbers, targets.device())), among.view({own.total, places})};
}

PlacesLoss places_loss(Group& group, const at::Tensor& predictions, const at::Tensor& targets,
                       const Candidates& candidates, const Shard& own) {
  TORCH_CHECK(predictions.dim() == 3 && targets.dim() == 3 && predictions.size(0) == own.size() &&
                  targets.size(0) == own.size() && predictions.size(2) == targets.size(2) &&
                  predictions.size(1) > 0 && predictions.size(1) <= targets.size(1),
              "cpc: expected predictions [n, m, z] and targets [n, P, z], 0 < m <= P, of ",
              own.size(), " images, got ", predictions.sizes(), " and ", targets.sizes());
  const int64_t count = predictions.size(1), first = targets.size(1) - count;
  const at::Tensor predicted_nmz = widened(predictions);
  const at::Tensor own_nmz = widened(targets).narrow(1, first, count);
  const at::Tensor own_r = (predicted_nmz * own_nmz).sum(2).flatten();
  at::Tensor log_sum_r = predicted_nmz.flatten(0, 1).mm(candidates.rows_Kz.t()).logsumexp(1);
  PlacesLoss result;
  const auto size = static_cast<double>(candidates.rows_Kz.size(0));
  result.log_candidates = std::log(size);
  if (candidates.among_NP.defined()) {
    const at::Tensor among_Nm = candidates.among_NP.narrow(1, first, count);
    const at::Tensor among_r = among_Nm.narrow(0, own.begin, own.size()).flatten();
    log_sum_r =
        at::where(ship(among_r, own_r.device()), log_sum_r, at::logaddexp(log_sum_r, own_r));
    const double share = among_Nm.to(at::kDouble).mean().item<double>();
    result.log_candidates = share * std::log(size) + (1.0 - share) * std::log1p(size);
  }
  result.loss =
      (log_sum_r - own_r).sum() * (share_of_row(group, own.total) / static_cast<double>(count));
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
  const at::Tensor positive_n = widened(score) - widened(log_noise) - log_k;
  const at::Tensor negative_nk = widened(noise_score) - widened(noise_log_noise) - log_k;
  return (at::softplus(-positive_n, 1, 40) + at::softplus(negative_nk, 1, 40).sum(1)).mean();
}

}  // namespace nearfar
