// BatchNorm over contiguous groups of the global batch, with running statistics that move once a step.
#pragma once

#include "framework/encoders/encoder.h"

namespace nearfar {

/// Batch normalisation of [N, C] or [N, C, H, W]. In training, rows [k b, (k+1) b) of the *global* batch
/// share statistics (b = NormPlan::norm_batch; the last group may be smaller). When b exceeds this
/// rank's piece, the group spans ranks and its sums go through NormPlan::group with exact gradients.
/// Parameters weight, bias; buffers running_mean, running_var, num_batches_tracked.
class BatchNorm : public torch::nn::Module {
 public:
  BatchNorm(int64_t channels, const NormPlan& plan, bool affine = true, double eps = 1e-5,
            double momentum = 0.1);
  at::Tensor forward(const at::Tensor& input);
  /// Moves the running statistics by `momentum` towards the mean over all groups seen since the last
  /// call (means, and unbiased variances), over all ranks; does nothing when none was seen.
  void move_running_statistics();
  /// Forgets the groups seen since the last move (a step that was not finite).
  void drop_pending_statistics();

 private:
  at::Tensor normalize_local(const at::Tensor& input);
  at::Tensor normalize_across_ranks(const at::Tensor& input);

  NormPlan plan_;
  double eps_;
  double momentum_;
  at::Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
  at::Tensor pending_mean_, pending_var_;
  int64_t pending_groups_ = 0;
};

/// Moves, or drops, the pending statistics of every BatchNorm inside `root`.
void move_running_statistics(torch::nn::Module& root);
void drop_pending_statistics(torch::nn::Module& root);

}  // namespace nearfar
