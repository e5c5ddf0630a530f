// ProtoNCE, concentrations, NNCLR.
#include "framework/losses/prototypes.h"

#include <torch/types.h>

#include <cmath>

#include "framework/distances/norms.h"
#include "framework/losses/info_nce.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"
#include "framework/widened.h"

namespace nearfar {
namespace {

/// [n, r]: the logit of each query with a prototype, each by its own concentration.
at::Tensor logits_of(const at::Tensor& unit_nd, const Prototypes& prototypes) {
  return unit_nd.matmul(widened(prototypes.rows_kd.detach()).t()) /
         prototypes.concentration_k.detach();
}

at::Tensor nearest(const at::Tensor& rows, const at::Tensor& support) {
  const at::NoGradGuard no_grad;
  return UnitRows(widened(rows)).unit.matmul(widened(support).t()).argmax(1);
}

}  // namespace

at::Tensor proto_nce(Group& group, const at::Tensor& query, const Prototypes& prototypes,
                     const PrototypeNegatives& negatives, const Shard& own) {
  const std::vector<int64_t> rows = rows_of_shards("proto_nce", group, own);
  const at::Tensor& assigned_n = prototypes.assignment_n;
  TORCH_CHECK(query.dim() == 2 && assigned_n.dim() == 1 && assigned_n.size(0) == query.size(0) &&
                  prototypes.rows_kd.dim() == 2 && prototypes.rows_kd.size(1) == query.size(1),
              "proto_nce: expected prototypes [k, ", query.size(-1),
              "] and an assignment for each "
              "of ",
              query.size(0), " queries, got ", prototypes.rows_kd.sizes(), " and ",
              assigned_n.sizes());
  const at::Tensor logits_nk = logits_of(normalized_rows(widened(query)), prototypes);
  const at::Tensor own_n1 = logits_nk.gather(1, assigned_n.unsqueeze(1));
  at::Tensor all_nr = logits_nk;
  if (negatives.of_query_nr.defined()) {
    all_nr = at::cat({own_n1, logits_nk.gather(1, negatives.of_query_nr)}, 1);
  } else if (negatives.shared_r.defined()) {
    const at::Tensor assigned_N = group.all_gather(assigned_n.contiguous(), rows);
    all_nr = logits_nk.index_select(1, at::cat({assigned_N, negatives.shared_r}));
  }
  const double share = share_of_row(group, own.total);
  return (all_nr.logsumexp(1) - own_n1.squeeze(1)).sum() * share;
}

Concentration cluster_concentration(const at::Tensor& features, const at::Tensor& centroids,
                                    const at::Tensor& assignment, double temperature) {
  const at::NoGradGuard no_grad;
  const at::Tensor away_N = LpDistance(2.0).rows(features, centroids.index_select(0, assignment));
  const at::Tensor zeros_k = at::zeros({centroids.size(0)}, away_N.options());
  const at::Tensor members_k = zeros_k.index_add(0, assignment, at::ones_like(away_N));
  const at::Tensor sum_k = zeros_k.index_add(0, assignment, away_N);
  const at::Tensor several_k = members_k > 1;
  Concentration result;
  result.raw = at::where(several_k, sum_k / members_k.clamp_min(1) / (members_k + 10.0).log(), 0.0);
  result.filled = at::where(several_k, result.raw, result.raw.max());
  const at::Tensor bounds =
      result.filled.quantile(at::tensor({0.1, 0.9}, away_N.options()), std::nullopt, false);
  result.clipped = result.filled.clamp(bounds[0], bounds[1]);
  // Clusters of single points, or of equal ones, are all alike.
  const at::Tensor mean = result.clipped.mean();
  result.concentration = temperature * at::where(mean > 0, result.clipped / mean, 1.0);
  return result;
}

Nnclr nnclr_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2, const at::Tensor& p1,
                 const at::Tensor& p2, const at::Tensor& support, double temperature,
                 const Shard& own) {
  TORCH_CHECK(support.dim() == 2 && support.size(0) > 0 && support.size(1) == z1.size(1),
              "nnclr: expected a support set [Q, ", z1.size(1), "], Q > 0, got ", support.sizes());
  Nnclr result{{}, nearest(z1, support), nearest(z2, support)};
  const at::Tensor half = at::scalar_tensor(0.5, at::kDouble);
  const auto direction = [&](const at::Tensor& neighbour, const at::Tensor& prediction) {
    const at::Tensor nn = support.detach().index_select(0, neighbour);
    return info_nce(group, nn.to(prediction.scalar_type()), prediction, temperature, own,
                    Directions::query_to_key, half);
  };
  result.loss = direction(result.neighbour1, p2) + direction(result.neighbour2, p1);
  return result;
}

}  // namespace nearfar
