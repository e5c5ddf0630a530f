// BatchNorm over contiguous groups of the global batch, with running statistics that move once a
// step.
#pragma once

#include "framework/encoders/encoder.h"

namespace nearfar {

struct BatchNormOptions {
  bool scale = true;      // a learned weight
  bool shift = true;      // a learned bias
  double eps = 1e-5;      // added to the variance
  double momentum = 0.1;  // of the running statistics: the share of the new value
};

/// Batch normalisation (Ioffe and Szegedy 2015) of [N, C] or [N, C, H, W]. In training, rows
/// [k b, (k+1) b) of the *global* batch share statistics (b = NormPlan::norm_batch; the last group
/// may be smaller). Groups inside ranks stay there. When a group spans ranks (also where groups and
/// shards are not nested), sums go through NormPlan::group with exact gradients, and every rank
/// must run the same forwards. Parameters weight, bias; buffers running_mean, running_var,
/// num_batches_tracked.
class BatchNorm : public torch::nn::Module {
 public:
  BatchNorm(int64_t channels, const NormPlan& plan, const BatchNormOptions& options = {});
  /// Same shape, dtype and memory format as the input; statistics of bfloat16 in float32. Throws
  /// std::invalid_argument, in training, when the rows are not those of NormPlan::piece, when a
  /// micro-batch cuts a group, when a rank has no rows, and when a group has one value per channel.
  at::Tensor forward(const at::Tensor& input);
  /// Moves the running statistics by `momentum` towards the mean over all groups seen since the
  /// last call (means, and unbiased variances), over all ranks; does nothing when none was seen. A
  /// collective: every rank calls it.
  void move_running_statistics();
  /// Forgets the groups seen since the last move (a step that was not finite).
  void drop_pending_statistics();

 private:
  friend void move_running_statistics(torch::nn::Module& root, const at::Tensor& not_finite);

  Shard piece_of(const at::Tensor& input) const;
  void check_groups(const at::Tensor& input, const Shard& piece) const;
  at::Tensor normalize_with_running_statistics(const at::Tensor& input);
  at::Tensor normalize_local(const at::Tensor& input, const Shard& piece);
  at::Tensor normalize_group(const at::Tensor& input);
  at::Tensor normalize_across_ranks(const at::Tensor& input, const Shard& piece);
  void add_pending(const at::Tensor& mean, const at::Tensor& unbiased_var, int64_t groups);
  at::Tensor pending_row() const;
  void move_towards(const at::Tensor& pending_row, const at::Tensor& not_finite);
  int ranks() const;

  NormPlan plan_;
  BatchNormOptions options_;
  at::Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
  at::Tensor pending_mean_, pending_var_;  // sums over the groups seen since the last move
  int64_t pending_groups_ = 0;
};

/// Moves the pending statistics of every BatchNorm inside `root`, with one exchange for all of
/// them; a collective: every rank calls it. `not_finite` [1] float32 on their device, where given:
/// 0, or 1 where nothing must move; the pending statistics are gone in either case.
void move_running_statistics(torch::nn::Module& root, const at::Tensor& not_finite = {});
/// Drops the pending statistics of every BatchNorm inside `root`.
void drop_pending_statistics(torch::nn::Module& root);
/// Whether any module inside `root` is a BatchNorm.
bool has_batch_norm(torch::nn::Module& root);

}  // namespace nearfar
