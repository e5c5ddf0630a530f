// Barlow Twins, VICReg, alignment and uniformity.
#include "framework/losses/redundancy.h"

#include <torch/types.h>

#include <cmath>

#include "distributed/gather.h"
#include "framework/distances/norms.h"
#include "framework/losses/masked.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

/// Checked pairs of at least two samples.
Pairs batch_of(const char* name, Group& group, const at::Tensor& z1, const at::Tensor& z2,
               const Shard& own) {
  Pairs pairs = make_pairs(name, group, z1, z2, 1.0, rows_of_shards(name, group, own));
  TORCH_CHECK(pairs.total >= 2, name, ": expected at least two samples, got ", pairs.total,
              ": one has no variance");
  return pairs;
}

at::Tensor sum_of_ranks(Group& group, const at::Tensor& own) {
  return sum_with_grad(group, own.contiguous());
}

/// Columns without their mean over all ranks.
at::Tensor centred(Group& group, const at::Tensor& rows_nd, int64_t total) {
  return rows_nd - sum_of_ranks(group, rows_nd.sum(0)) / static_cast<double>(total);
}

at::Tensor off_diagonal_squares(const at::Tensor& matrix_dd) {
  return matrix_dd.square().sum() - matrix_dd.diagonal().square().sum();
}

/// A view's variance and covariance terms, unbiased.
struct Spread {
  at::Tensor variance, covariance;
};

Spread spread_of(Group& group, const at::Tensor& rows_nd, int64_t total, double epsilon) {
  const at::Tensor centred_nd = centred(group, rows_nd, total);
  const double divisor = static_cast<double>(total - 1);
  const double width = static_cast<double>(rows_nd.size(1));
  const at::Tensor covariance_dd = sum_of_ranks(group, centred_nd.t().matmul(centred_nd)) / divisor;
  const at::Tensor deviation_d = (covariance_dd.diagonal() + epsilon).sqrt();
  return {(1.0 - deviation_d).relu().mean() * 0.5, off_diagonal_squares(covariance_dd) / width};
}

/// log of the mean over unordered pairs of exp(-t |x_i - x_j|^2).
at::Tensor uniformity(Group& group, const at::Tensor& unit_nd, const Pairs& pairs, double t) {
  const at::Tensor all_Nd = gather_with_grad(group, unit_nd.contiguous(), pairs.rows);
  const at::Tensor potential_nN = SquaredEuclideanDistance().matrix(unit_nd, all_Nd) * -t;
  const at::Tensor others_nN = all_but_itself(potential_nN, pairs.begin);
  const at::Tensor log_sum_N =
      gather_with_grad(group, masked_logsumexp(potential_nN, others_nN).contiguous(), pairs.rows);
  const double total = static_cast<double>(pairs.total);
  return log_sum_N.logsumexp(0) - std::log(total * (total - 1.0));
}

}  // namespace

at::Tensor barlow_twins_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                             const BarlowTwins& options, const Shard& own) {
  const Pairs pairs = batch_of("barlow_twins", group, z1, z2, own);
  const double total = static_cast<double>(pairs.total);
  const auto normalised = [&](const at::Tensor& rows_nd) {
    const at::Tensor centred_nd = centred(group, rows_nd, pairs.total);
    const at::Tensor variance_d = sum_of_ranks(group, centred_nd.square().sum(0)) / total;
    const at::Tensor spread_d = variance_d + options.epsilon;
    // A constant column correlates with nothing.
    return centred_nd / at::where(spread_d > 0, spread_d, 1.0).sqrt();
  };
  const at::Tensor own_dd = normalised(pairs.first).t().matmul(normalised(pairs.second));
  const at::Tensor correlation_dd = sum_of_ranks(group, own_dd) / total;
  return options.scale * ((1.0 - correlation_dd.diagonal()).square().sum() +
                          options.lambda * off_diagonal_squares(correlation_dd));
}

VicRegTerms vicreg_loss(Group& group, const at::Tensor& z1, const at::Tensor& z2,
                        const VicReg& options, const Shard& own) {
  const Pairs pairs = batch_of("vicreg", group, z1, z2, own);
  const double entries = static_cast<double>(pairs.total * z1.size(1));
  const Spread first = spread_of(group, pairs.first, pairs.total, options.epsilon);
  const Spread second = spread_of(group, pairs.second, pairs.total, options.epsilon);
  VicRegTerms terms;
  terms.invariance = sum_of_ranks(group, (pairs.first - pairs.second).square().sum()) / entries;
  terms.variance = first.variance + second.variance;
  terms.covariance = first.covariance + second.covariance;
  terms.loss = options.invariance * terms.invariance + options.variance * terms.variance +
               options.covariance * terms.covariance;
  return terms;
}

AlignmentUniformityTerms alignment_uniformity(Group& group, const at::Tensor& z1,
                                              const at::Tensor& z2,
                                              const AlignmentUniformity& options,
                                              const Shard& own) {
  const Pairs pairs = batch_of("alignment_uniformity", group, z1, z2, own);
  const at::Tensor u1_nd = normalized_rows(pairs.first), u2_nd = normalized_rows(pairs.second);
  const at::Tensor apart_n = LpDistance(2.0).rows(u1_nd, u2_nd);
  AlignmentUniformityTerms terms;
  terms.alignment =
      sum_of_ranks(group, apart_n.pow(options.alpha).sum()) / static_cast<double>(pairs.total);
  terms.uniformity1 = uniformity(group, u1_nd, pairs, options.t);
  terms.uniformity2 = uniformity(group, u2_nd, pairs, options.t);
  terms.loss = terms.alignment + options.lambda * 0.5 * (terms.uniformity1 + terms.uniformity2);
  return terms;
}

}  // namespace nearfar
