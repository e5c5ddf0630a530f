// Losses of pairs.
#include "framework/losses/pair_losses.h"

#include <torch/types.h>

#include "framework/distances/angles.h"
#include "framework/distances/norms.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

at::Tensor cosines(const at::Tensor& x1, const at::Tensor& x2) {
  return 1.0 - CosineDistance().rows(x1, x2);
}

void check_per_pair(const char* name, const at::Tensor& x1, const at::Tensor& values) {
  TORCH_CHECK(values.dim() == 1 && values.size(0) == x1.size(0) && values.size(0) > 0, name,
              ": expected a value for each of ", x1.size(0), " pairs, at least one, got ",
              values.sizes());
}

}  // namespace

at::Tensor pair_regression(const at::Tensor& x1, const at::Tensor& x2,
                           const at::Tensor& similarity) {
  check_per_pair("pair_regression", x1, similarity);
  return (cosines(x1, x2) - similarity).square().mean();
}

at::Tensor pair_classification(const at::Tensor& x1, const at::Tensor& x2, const at::Tensor& same,
                               const at::Tensor& scale, const at::Tensor& bias) {
  check_per_pair("pair_classification", x1, same);
  const at::Tensor logits = scale * cosines(x1, x2) + bias;
  return at::binary_cross_entropy_with_logits(logits, same.to(logits.scalar_type()));
}

at::Tensor contrastive(const at::Tensor& x1, const at::Tensor& x2, const at::Tensor& same,
                       double margin, ContrastiveForm form) {
  check_per_pair("contrastive", x1, same);
  TORCH_CHECK(margin > 0.0, "contrastive: expected a margin above 0, got ", margin);
  const at::Tensor square = SquaredEuclideanDistance().rows(x1, x2);
  const at::Tensor repulsion = form == ContrastiveForm::margin_of_square
                                   ? (margin * margin - square).relu()
                                   : (margin - LpDistance(2.0).rows(x1, x2)).relu().square();
  return at::where(same != 0, square, repulsion).mean();
}

at::Tensor contrastive_two_margins(Group& group, const at::Tensor& embeddings,
                                   const at::Tensor& label, const TwoMargins& margins,
                                   const Shard& own) {
  LabelledBatch batch = gather_labelled("contrastive_two_margins", group, embeddings, label, own);
  if (margins.normalize) {
    batch.anchors_nd = normalized_rows(batch.anchors_nd);
    batch.all_Nd = normalized_rows(batch.all_Nd);
  }
  const at::Tensor distance_nN = LpDistance(2.0).matrix(batch.anchors_nd, batch.all_Nd);
  const auto mean = [&](const at::Tensor& excess_nN, const at::Tensor& chosen_nN) {
    const at::Tensor terms_nN = excess_nN.relu() * chosen_nN;
    const at::Tensor count = (margins.reduction == Reduction::nonzero ? terms_nN > 0 : chosen_nN);
    return mean_over_ranks(group, terms_nN.sum(), count.sum());
  };
  return mean(distance_nN - margins.positive, batch.positives()) +
         mean(margins.negative - distance_nN, batch.negatives());
}

}  // namespace nearfar
