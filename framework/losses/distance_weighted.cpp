// Weights of negatives by the density of their distance, draws, and the margin loss.
#include "framework/losses/distance_weighted.h"

#include <torch/types.h>

#include <algorithm>
#include <vector>

#include "framework/distances/norms.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

/// The first place where the running sum is above a share of the whole; never one of weight 0.
int64_t drawn_column(const double* running, int64_t count, double share) {
  const double limit = share * running[count - 1];
  const int64_t place = std::upper_bound(running, running + count, limit) - running;
  return std::min(place, std::lower_bound(running, running + count, running[count - 1]) - running);
}

at::Tensor distances_of(const LabelledBatch& batch, const at::Tensor& anchor_T,
                        const at::Tensor& other_T) {
  return LpDistance(2.0).rows(normalized_rows(batch.anchors_nd).index_select(0, anchor_T),
                              normalized_rows(batch.all_Nd).index_select(0, other_T));
}

}  // namespace

at::Tensor distance_weights(const LabelledBatch& batch, const DistanceWeights& options) {
  const at::NoGradGuard no_grad;
  const double d = static_cast<double>(batch.all_Nd.size(1));
  const at::Tensor distance_nN =
      LpDistance(2.0)
          .matrix(UnitRows(batch.anchors_nd).unit, UnitRows(batch.all_Nd).unit)
          .to(at::kDouble);
  const at::Tensor chosen_nN = batch.negatives() & (distance_nN < options.nonzero_loss_cutoff);
  // Rows that are not chosen may be farther than the diameter by a rounding.
  const at::Tensor apart_nN = at::where(chosen_nN, distance_nN.clamp_min(options.cutoff), 1.0);
  const at::Tensor log_weight_nN =
      -((d - 2.0) * apart_nN.log() + 0.5 * (d - 3.0) * (1.0 - 0.25 * apart_nN.square()).log());
  const at::Tensor lowest_nN = log_weight_nN.masked_fill(~chosen_nN, -1e300);
  const at::Tensor weight_nN = (lowest_nN - lowest_nN.amax(1, true)).exp() * chosen_nN;
  const at::Tensor sum_n1 = weight_nN.sum(1, true);
  const at::Tensor share_nN = weight_nN / sum_n1.masked_fill(sum_n1 == 0, 1.0);
  return share_nN.to(batch.all_Nd.scalar_type());
}

at::Tensor distance_weighted_triplets(const LabelledBatch& batch, const DistanceWeights& options,
                                      const Random& random) {
  const at::Tensor running_nN =
      distance_weights(batch, options).to(at::kCPU, at::kDouble).cumsum(1).contiguous();
  const at::Tensor pairs_P2 = batch.positives().nonzero().to(at::kCPU).contiguous();
  const int64_t all = running_nN.size(1);
  Random seeds = random;
  std::vector<uint64_t> seed_of_row(static_cast<size_t>(all));
  for (uint64_t& seed : seed_of_row) seed = seeds.next_uint64();
  std::vector<int64_t> triplets;
  const auto pairs = pairs_P2.accessor<int64_t, 2>();
  for (int64_t first = 0; first < pairs_P2.size(0);) {
    const int64_t anchor = pairs[first][0];
    const double* running = running_nN.const_data_ptr<double>() + anchor * all;
    Random stream(seed_of_row[static_cast<size_t>(batch.begin + anchor)], 0, 0, Purpose::recipe);
    for (; first < pairs_P2.size(0) && pairs[first][0] == anchor; ++first) {
      if (running[all - 1] == 0.0) continue;
      triplets.insert(triplets.end(),
                      {anchor, pairs[first][1], drawn_column(running, all, stream.uniform())});
    }
  }
  return at::tensor(triplets, at::kLong).view({-1, 3}).to(batch.all_Nd.device());
}

at::Tensor margin_loss(Group& group, const LabelledBatch& batch, const at::Tensor& triplets,
                       const at::Tensor& beta, double alpha) {
  TORCH_CHECK(triplets.dim() == 2 && triplets.size(1) == 3 && triplets.scalar_type() == at::kLong &&
                  beta.dim() == 0,
              "margin_loss: expected triplets [T, 3] of int64 and one beta, got ", triplets.sizes(),
              " of ", triplets.scalar_type(), " and ", beta.sizes());
  const at::Tensor anchor_T = triplets.select(1, 0);
  const at::Tensor near_T = distances_of(batch, anchor_T, triplets.select(1, 1));
  const at::Tensor far_T = distances_of(batch, anchor_T, triplets.select(1, 2));
  const at::Tensor attraction_T = (near_T - beta + alpha).relu();
  const at::Tensor repulsion_T = (beta - far_T + alpha).relu();
  const at::Tensor count = (attraction_T > 0).sum() + (repulsion_T > 0).sum();
  return mean_over_ranks(group, attraction_T.sum() + repulsion_T.sum(), count);
}

}  // namespace nearfar
