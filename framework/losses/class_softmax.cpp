// Softmax over classes: each rank has all classes and its rows, or all rows and its classes.
#include "framework/losses/class_softmax.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "distributed/gather.h"
#include "framework/distances/angles.h"
#include "framework/losses/labelled_batch.h"
#include "framework/losses/pairs.h"
#include "framework/losses/unit_rows.h"

namespace nearfar {
namespace {

/// Rows and classes that this rank computes logits of.
struct Block {
  at::Tensor rows_Rd, label_R;  // R = n, or N where classes are sharded
  at::Tensor weight_Cd;
  at::Tensor column_R;  // of the row's class among these classes; 0 where it is not here
  at::Tensor here_R;    // bool: whether it is
  bool sharded = false;

  /// The weight of each row's class; any other where it is not here.
  at::Tensor target_weight() const { return weight_Cd.index_select(0, column_R); }
};

/// The rows, if their labels are classes. The host waits for no device: there a row without a class
/// becomes NaN, and the loss with it.
at::Tensor rows_with_class(const char* name, const at::Tensor& rows_Rd, const at::Tensor& label_R,
                           int64_t classes) {
  TORCH_CHECK(label_R.numel() > 0, name, ": expected at least one row");
  const at::Tensor is_class_R = (label_R >= 0) & (label_R < classes);
  if (!label_R.is_cpu()) {
    return at::where(is_class_R.unsqueeze(1), rows_Rd, std::numeric_limits<double>::quiet_NaN());
  }
  TORCH_CHECK(is_class_R.all().item<bool>(), name, ": expected labels in [0, ", classes, ")");
  return rows_Rd;
}

Block block_of(const char* name, Group& group, const at::Tensor& embeddings,
               const ClassWeights& weights, const at::Tensor& label, const Shard& own) {
  const Shard& classes = weights.classes;
  TORCH_CHECK(weights.rows.dim() == 2 && weights.rows.size(0) == classes.end - classes.begin &&
                  embeddings.dim() == 2 && weights.rows.size(1) == embeddings.size(1),
              name, ": expected weights [", classes.end - classes.begin, ", ", embeddings.size(-1),
              "] for the classes of this rank, got ", weights.rows.sizes());
  Block block;
  block.sharded = classes.end - classes.begin != classes.total;
  block.rows_Rd = checked_embeddings(name, embeddings, label, own);
  block.label_R = label;
  if (block.sharded) {
    const LabelledBatch batch = gather_labelled(name, group, embeddings, label, own);
    block.rows_Rd = batch.all_Nd;
    block.label_R = batch.label_N;
  }
  block.rows_Rd = rows_with_class(name, block.rows_Rd, block.label_R, classes.total);
  block.weight_Cd = weights.rows.to(block.rows_Rd.scalar_type());
  block.here_R = (block.label_R >= classes.begin) & (block.label_R < classes.end);
  block.column_R = (block.label_R - classes.begin).masked_fill(~block.here_R, 0);
  return block;
}

/// Mean cross entropy of logits [R, C] whose targets have other ones, `target_R`.
at::Tensor cross_entropy(Group& group, const Block& block, const at::Tensor& logits_RC,
                         const at::Tensor& target_R, const Shard& own) {
  const at::Tensor place_R1 = block.column_R.unsqueeze(1);
  const at::Tensor old_R1 = logits_RC.gather(1, place_R1);
  const at::Tensor new_R1 = at::where(block.here_R.unsqueeze(1), target_R.unsqueeze(1), old_R1);
  const at::Tensor log_sum_R = logits_RC.scatter(1, place_R1, new_R1).logsumexp(1);
  if (!block.sharded) {
    const double share = share_of_row(group, own.total);
    return (log_sum_R - target_R).sum() * share;
  }
  const std::vector<int64_t> one_row(static_cast<size_t>(group.size()), 1);
  const at::Tensor log_sums_WR =
      gather_with_grad(group, log_sum_R.unsqueeze(0).contiguous(), one_row);
  const at::Tensor targets_R =
      sum_with_grad(group, at::where(block.here_R, target_R, 0.0).contiguous());
  return (log_sums_WR.logsumexp(0) - targets_R).mean();
}

at::Tensor target_of(const at::Tensor& logits_RC, const Block& block) {
  return logits_RC.gather(1, block.column_R.unsqueeze(1)).squeeze(1);
}

/// The angle between each row and its class's weight.
at::Tensor target_angle(const Block& block) {
  return AngularDistance().rows(block.rows_Rd, block.target_weight()) * std::numbers::pi;
}

}  // namespace

ClassWeights all_classes(const at::Tensor& weight) {
  return {weight, {0, weight.size(0), weight.size(0)}};
}

at::Tensor softmax_loss(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                        const at::Tensor& bias, const at::Tensor& label, const Shard& own) {
  const Block block = block_of("softmax", group, embeddings, weights, label, own);
  at::Tensor logits_RC = block.rows_Rd.matmul(block.weight_Cd.t());
  if (bias.defined()) logits_RC = logits_RC + bias.to(logits_RC.scalar_type());
  return cross_entropy(group, block, logits_RC, target_of(logits_RC, block), own);
}

at::Tensor normalized_softmax(Group& group, const at::Tensor& embeddings,
                              const ClassWeights& weights, const at::Tensor& label,
                              double temperature, const Shard& own) {
  TORCH_CHECK(temperature > 0.0, "normalized_softmax: expected a temperature above 0, got ",
              temperature);
  const Block block = block_of("normalized_softmax", group, embeddings, weights, label, own);
  const at::Tensor logits_RC =
      normalized_rows(block.rows_Rd).matmul(normalized_rows(block.weight_Cd).t()) / temperature;
  return cross_entropy(group, block, logits_RC, target_of(logits_RC, block), own);
}

at::Tensor combined_margin(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                           const at::Tensor& label, const AngularMargins& margins,
                           const Shard& own) {
  const Block block = block_of("combined_margin", group, embeddings, weights, label, own);
  const at::Tensor cosine_RC =
      normalized_rows(block.rows_Rd).matmul(normalized_rows(block.weight_Cd).t());
  const at::Tensor angle_R = target_angle(block);
  at::Tensor target_R = (angle_R * margins.m1 + margins.m2).cos();
  if (margins.monotone) {
    const at::Tensor falling_R = angle_R.cos() - margins.m2 * std::sin(margins.m2);
    target_R = at::where(angle_R + margins.m2 > std::numbers::pi, falling_R, target_R);
  }
  return cross_entropy(group, block, cosine_RC * margins.scale,
                       (target_R - margins.m3) * margins.scale, own);
}

at::Tensor a_softmax(Group& group, const at::Tensor& embeddings, const ClassWeights& weights,
                     const at::Tensor& label, int64_t m, double lambda, const Shard& own) {
  TORCH_CHECK(m >= 1 && lambda >= 0.0, "a_softmax: expected m >= 1 and lambda >= 0, got ", m,
              " and ", lambda);
  const Block block = block_of("a_softmax", group, embeddings, weights, label, own);
  const at::Tensor logits_RC = block.rows_Rd.matmul(normalized_rows(block.weight_Cd).t());
  const at::Tensor angle_R = target_angle(block);
  const double multiple = static_cast<double>(m);
  const at::Tensor k_R =
      (angle_R.detach() * (multiple / std::numbers::pi)).floor().clamp(0.0, multiple - 1.0);
  const at::Tensor sign_R = 1.0 - 2.0 * k_R.remainder(2.0);
  const at::Tensor psi_R = sign_R * (angle_R * multiple).cos() - 2.0 * k_R;
  const at::Tensor length_R = at::linalg_vector_norm(block.rows_Rd, 2.0, at::IntArrayRef{1});
  const at::Tensor target_R = length_R * (angle_R.cos() * lambda + psi_R) / (1.0 + lambda);
  return cross_entropy(group, block, logits_RC, target_R, own);
}

double LambdaSchedule::at(int64_t step) const {
  return std::max(lowest, base * std::pow(1.0 + gamma * static_cast<double>(step), -power));
}

at::Tensor center_loss(Group& group, const at::Tensor& embeddings, const at::Tensor& centers,
                       const at::Tensor& label, const Shard& own) {
  const Block block = block_of("center_loss", group, embeddings, all_classes(centers), label, own);
  const double share = share_of_row(group, own.total);
  return (block.rows_Rd - block.target_weight()).square().sum() * (0.5 * share);
}

at::Tensor moved_centers(Group& group, const at::Tensor& embeddings, const at::Tensor& centers,
                         const at::Tensor& label, double alpha) {
  const at::NoGradGuard no_grad;
  const at::Tensor rows_nd = embeddings.to(centers.scalar_type());
  const at::Tensor ones_n1 = at::ones({rows_nd.size(0), 1}, rows_nd.options());
  // Sum and count of each class, in one collective.
  const at::Tensor sums_Ce = at::zeros({centers.size(0), centers.size(1) + 1}, centers.options())
                                 .index_add_(0, label, at::cat({rows_nd, ones_n1}, 1));
  const at::Tensor all_Ce = group.all_sum(sums_Ce);
  const at::Tensor count_C1 = all_Ce.narrow(1, centers.size(1), 1);
  const at::Tensor away_Cd = centers * count_C1 - all_Ce.narrow(1, 0, centers.size(1));
  return centers - away_Cd * alpha / (1.0 + count_C1);
}

}  // namespace nearfar
