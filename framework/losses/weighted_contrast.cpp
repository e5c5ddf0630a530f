// Decoupled, hard-negative and supervised contrastive losses.
#include "framework/losses/weighted_contrast.h"

#include <torch/types.h>

#include <cmath>

#include "distributed/gather.h"
#include "framework/losses/anchors_of_two_views.h"
#include "framework/losses/labelled_batch.h"
#include "framework/losses/masked.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

/// W times this rank's sum over the number of anchors: the mean over ranks is over all anchors.
at::Tensor mean_of_anchors(const Group& group, const at::Tensor& terms, int64_t anchors) {
  return terms.sum() * share_of_row(group, anchors);
}

void check_others(const char* name, double temperature, const Shard& own) {
  TORCH_CHECK(temperature > 0.0, name, ": expected a temperature above 0, got ", temperature);
  TORCH_CHECK(own.total >= 2, name, ": expected at least two samples, got ", own.total,
              ": an anchor without negatives has no loss");
}

/// [n]: DCLW's weight of each sample of this rank.
at::Tensor weight_of_positives(Group& group, const at::Tensor& cosine_n,
                               const PositiveWeight& options, const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards("dclw", group, own);
  const at::Tensor logit_N = gather_with_grad(group, (cosine_n / options.sigma).contiguous(), rows);
  const at::Tensor share_N = logit_N.softmax(0) * static_cast<double>(own.total);
  const at::Tensor weight_n = 2.0 - share_N.narrow(0, own.begin, cosine_n.size(0));
  return options.with_gradient ? weight_n : weight_n.detach();
}

}  // namespace

Decoupled decoupled_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                         double temperature, const std::optional<PositiveWeight>& weight,
                         const Shard& own) {
  check_others("dcl", temperature, own);
  const AnchorsOfTwoViews anchors = meet_all("dcl", group, z1, z2, own);
  const at::Tensor negatives = masked_logsumexp(anchors.cosine / temperature, anchors.others);
  at::Tensor positives = anchors.positive / temperature;
  Decoupled result;
  if (weight) {
    result.weight_n =
        weight_of_positives(group, anchors.positive.narrow(0, 0, z1.size(0)), *weight, own);
    positives = positives * at::cat({result.weight_n, result.weight_n});
  }
  result.loss = mean_of_anchors(group, negatives - positives, anchors.anchors);
  return result;
}

HardNegativeLoss hard_negative_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                                    const HardNegatives& options, const Shard& own) {
  check_others("hard_negative", options.temperature, own);
  TORCH_CHECK(options.tau_plus >= 0.0 && options.tau_plus < 1.0,
              "hard_negative: expected tau_plus in [0, 1), got ", options.tau_plus);
  const AnchorsOfTwoViews anchors = meet_all("hard_negative", group, z1, z2, own);
  const at::Tensor logits = anchors.cosine / options.temperature;
  const at::Tensor positive = anchors.positive / options.temperature;
  const double log_count = std::log(static_cast<double>(anchors.anchors - 2));
  // log of M sum(w e) / sum(w), w = e^beta
  const at::Tensor reweighted = masked_logsumexp(logits * (1.0 + options.beta), anchors.others) -
                                masked_logsumexp(logits * options.beta, anchors.others) + log_count;
  // What the positive's class takes of it; where that is all and more, the bound holds.
  const at::Tensor log_taken = positive + (log_count + std::log(options.tau_plus)) - reweighted;
  const at::Tensor left = log_taken < 0.0;
  const at::Tensor share_left = -at::expm1(at::where(left, log_taken, -1.0));
  const at::Tensor debiased = reweighted + share_left.log() - std::log1p(-options.tau_plus);
  const double lowest = log_count - 1.0 / options.temperature;
  const at::Tensor above = left & (debiased > lowest);
  const at::Tensor negatives = at::where(above, debiased, lowest);
  return {mean_of_anchors(group, at::softplus(negatives - positive, 1, 40), anchors.anchors),
          (~above).sum()};
}

at::Tensor sup_con(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                   double temperature, SupConForm form, const Shard& own) {
  TORCH_CHECK(temperature > 0.0, "sup_con: expected a temperature above 0, got ", temperature);
  const LabelledBatch batch = gather_labelled("sup_con", group, embeddings, label, own);
  const at::Tensor logits_nN =
      normalized_rows(batch.anchors_nd).matmul(normalized_rows(batch.all_Nd).t()) / temperature;
  const at::Tensor positives_nN = batch.positives();
  const at::Tensor count_n = positives_nN.sum(1), valid_n = count_n > 0;
  const at::Tensor others_n = masked_logsumexp(logits_nN, positives_nN | batch.negatives());
  const at::Tensor divisor_n = count_n.clamp_min(1);
  const at::Tensor attraction_n =
      form == SupConForm::mean_outside_log
          ? (logits_nN * positives_nN).sum(1) / divisor_n
          : masked_logsumexp(logits_nN, positives_nN) - divisor_n.to(logits_nN.scalar_type()).log();
  const at::Tensor terms_n = at::where(valid_n, others_n - attraction_n, 0.0);
  return mean_over_ranks(group, terms_n.sum(), valid_n.sum());
}

}  // namespace nearfar
