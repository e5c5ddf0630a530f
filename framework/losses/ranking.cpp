// Losses that rank all rows of a batch at once.
#include "framework/losses/ranking.h"

#include <torch/types.h>

#include <limits>

#include "distributed/gather.h"
#include "framework/distances/norms.h"
#include "framework/losses/labelled_batch.h"
#include "framework/losses/masked.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

at::Tensor count_of(const at::Tensor& rows) {
  return at::scalar_tensor(static_cast<double>(rows.size(0)), at::kDouble);
}

at::Tensor cosines(const LabelledBatch& batch) {
  return normalized_rows(batch.anchors_nd).matmul(normalized_rows(batch.all_Nd).t());
}

/// The mean over all anchors of the global batch.
at::Tensor mean_of_anchors(Group& group, const at::Tensor& terms_n) {
  return mean_over_ranks(group, terms_n.sum(), count_of(terms_n).to(terms_n.device()));
}

/// [n, N] float64 logarithms of distances, of the smallest positive number of their type where they
/// are 0. float32 would lose small distances beside epsilon.
at::Tensor log_distance(const at::Tensor& x, const at::Tensor& y, const LogRatio& options) {
  const at::Tensor apart =
      options.squared ? SquaredEuclideanDistance().matrix(x, y) : LpDistance(2.0).matrix(x, y);
  const double smallest = apart.scalar_type() == at::kDouble ? std::numeric_limits<double>::min()
                                                             : std::numeric_limits<float>::min();
  return (apart.to(at::kDouble) + options.epsilon).clamp_min(smallest).log();
}

}  // namespace

at::Tensor n_pair(Group& group, const at::Tensor& anchor, const at::Tensor& positive,
                  NPairForm form, const Shard& own) {
  const Pairs pairs =
      make_pairs("n_pair", group, anchor, positive, 1.0, rows_of_shards("n_pair", group, own));
  const at::Tensor positives_Nd = gather_with_grad(group, pairs.second.contiguous(), pairs.rows);
  const at::Tensor logits_nN = pairs.first.matmul(positives_Nd.t());
  const at::Tensor own_n1 = logits_nN.diagonal(pairs.begin).unsqueeze(1);
  if (form == NPairForm::multi_class) {
    return mean_of_anchors(group, logits_nN.logsumexp(1) - own_n1.squeeze(1));
  }
  const at::Tensor terms_nN = at::softplus(logits_nN - own_n1, 1, 40);
  const at::Tensor others_nN = all_but_itself(terms_nN, pairs.begin);
  return mean_of_anchors(group, (terms_nN * others_nN).sum(1));
}

at::Tensor mean_squared_norm(Group& group, const at::Tensor& anchor, const at::Tensor& positive,
                             const Shard& own) {
  const Pairs pairs =
      make_pairs("n_pair", group, anchor, positive, 1.0, rows_of_shards("n_pair", group, own));
  return mean_of_anchors(group, (pairs.first.square().sum(1) + pairs.second.square().sum(1)) * 0.5);
}

at::Tensor log_ratio(Group& group, const at::Tensor& embeddings, const at::Tensor& target,
                     const LogRatio& options, const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards("log_ratio", group, own);
  TORCH_CHECK(embeddings.dim() == 2 && target.dim() == 2 && target.is_floating_point() &&
                  embeddings.size(0) == own.end - own.begin &&
                  target.size(0) == embeddings.size(0) && own.total >= 3,
              "log_ratio: expected embeddings [n, d] and real targets [n, t] of at least three "
              "rows, got ",
              embeddings.sizes(), " and ", target.sizes(), " of ", own.total, " rows");
  const at::Tensor own_nd = widened(embeddings);
  const at::Tensor all_Nd = gather_with_grad(group, own_nd.contiguous(), rows);
  const at::Tensor target_Nt = group.all_gather(target.contiguous(), rows);
  const at::Tensor ratio_nN =
      log_distance(own_nd, all_Nd, options) - log_distance(target, target_Nt, options);
  const at::Tensor others_nN = all_but_itself(ratio_nN, own.begin);
  const double others = static_cast<double>(own.total - 1);
  const at::Tensor mean_n1 = (ratio_nN * others_nN).sum(1, true) / others;
  const at::Tensor deviation_n = ((ratio_nN - mean_n1).square() * others_nN).sum(1);
  const at::Tensor terms_n = (deviation_n * (2.0 / (others - 1.0))).to(own_nd.scalar_type());
  if (options.every_anchor) return mean_of_anchors(group, terms_n);
  const at::Tensor is_first_n =
      at::arange(own.begin, own.end, target.options().dtype(at::kLong)) == 0;
  return mean_over_ranks(group, (terms_n * is_first_n).sum(), is_first_n.sum());
}

at::Tensor lifted_structure(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                            double margin, const Shard& own) {
  const LabelledBatch batch = gather_labelled("lifted_structure", group, embeddings, label, own);
  const at::Tensor distance_nN = LpDistance(2.0).matrix(batch.anchors_nd, batch.all_Nd);
  const at::Tensor repulsion_n = masked_logsumexp(margin - distance_nN, batch.negatives());
  const at::Tensor repulsion_N = gather_with_grad(group, repulsion_n.contiguous(),
                                                  rows_of_shards("lifted_structure", group, own));
  const at::Tensor both_nN = at::logaddexp(repulsion_n.unsqueeze(1), repulsion_N.unsqueeze(0));
  const at::Tensor positives_nN = batch.positives();
  const at::Tensor terms_nN = (both_nN + distance_nN).relu().square() * positives_nN;
  return mean_over_ranks(group, terms_nN.sum() * 0.5, positives_nN.sum());
}

at::Tensor multi_similarity(Group& group, const at::Tensor& embeddings, const at::Tensor& label,
                            const MultiSimilarity& options, const Shard& own) {
  const LabelledBatch batch = gather_labelled("multi_similarity", group, embeddings, label, own);
  const at::Tensor above_nN = cosines(batch) - options.base;
  const at::Tensor positive_n = masked_logsumexp(above_nN * -options.alpha, batch.positives());
  const at::Tensor negative_n = masked_logsumexp(above_nN * options.beta, batch.negatives());
  return mean_of_anchors(group, at::softplus(positive_n, 1, 40) / options.alpha +
                                    at::softplus(negative_n, 1, 40) / options.beta);
}

at::Tensor circle(Group& group, const at::Tensor& embeddings, const at::Tensor& label, double m,
                  double gamma, const Shard& own) {
  const LabelledBatch batch = gather_labelled("circle", group, embeddings, label, own);
  const at::Tensor cosine_nN = cosines(batch), fixed_nN = cosine_nN.detach();
  const at::Tensor positives_nN = batch.positives(), negatives_nN = batch.negatives();
  const at::Tensor pull_nN = (1.0 + m - fixed_nN).relu(), push_nN = (fixed_nN + m).relu();
  const at::Tensor positive_n =
      masked_logsumexp(pull_nN * (cosine_nN - 1.0 + m) * -gamma, positives_nN);
  const at::Tensor negative_n = masked_logsumexp(push_nN * (cosine_nN - m) * gamma, negatives_nN);
  const at::Tensor valid_n = positives_nN.any(1) & negatives_nN.any(1);
  const at::Tensor terms_n = at::where(valid_n, at::softplus(positive_n + negative_n, 1, 40), 0.0);
  return mean_over_ranks(group, terms_n.sum(), valid_n.sum());
}

}  // namespace nearfar
