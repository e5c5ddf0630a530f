// Attention over all ranks, and the loss that it gives.
#include "framework/losses/contrast.h"

#include <torch/types.h>

#include "framework/losses/margin.h"

// Shapes: n rows of this rank, N rows of all ranks, D dimensions, W ranks.

namespace nearfar {

Attention attend_over_ranks(Group& group, const Pairs& pairs, const RowMatrix& mine) {
  RowMatrix all = mine;
  all.rows = group.all_gather(mine.rows, pairs.rows);
  if (mine.row_id.defined()) all.row_id = group.all_gather(mine.row_id.contiguous(), pairs.rows);
  const Attention here = attend(all);
  const std::vector<int64_t> one_row(static_cast<size_t>(group.size()), 1);
  const at::Tensor log_sums_WN = group.all_gather(here.log_sum.unsqueeze(0), one_row);
  const at::Tensor log_sum_N = log_sums_WN.logsumexp(0);
  const at::Tensor finite_N = log_sum_N.masked_fill(log_sum_N.isneginf(), 0.0);
  const at::Tensor share_N = here.log_sum.sub(finite_N).exp_().to(here.mean.scalar_type());
  const at::Tensor mean_nD = group.sum_scatter(here.mean.mul(share_N.unsqueeze(1)), pairs.rows);
  return {log_sum_N.narrow(0, pairs.begin, pairs.count()), mean_nD};
}

Contrast::Contrast(const at::Tensor& query_nD, const at::Tensor& key_nD, const Attention& negatives,
                   double scale) {
  const at::Tensor positive_n = query_nD.mul(key_nD).sum(1).to(at::kDouble).mul_(scale);
  const at::Tensor margin_n = negatives.log_sum - positive_n;
  loss_n = loss_of_margin(margin_n);
  const at::Tensor slope_n = at::sigmoid(margin_n).mul_(scale).to(query_nD.scalar_type());
  gradient_nD = negatives.mean.sub(key_nD).mul_(slope_n.unsqueeze(1));
}

}  // namespace nearfar
