// One rank's training state and the step that moves it: DESIGN's path of a batch, from views to
// update.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "distributed/group.h"
#include "framework/checkpoint/generations.h"
#include "framework/checkpoint/tensors.h"
#include "framework/data/loader.h"
#include "framework/optimize/flat_storage.h"
#include "framework/optimize/optimizer.h"
#include "framework/train/device_renderer.h"
#include "framework/train/finite_flag.h"
#include "framework/train/gradient_exchange.h"
#include "framework/train/gradient_pass.h"
#include "framework/train/run_config.h"
#include "framework/train/sharded_state.h"

namespace nearfar {

/// What a step left behind for the log. The embeddings are those of this rank.
struct StepReport {
  double random_guess_loss = 0.0;
  double learning_rate = 0.0;
  at::Tensor loss_value;           // 0-d on the device: the mean over ranks
  at::Tensor gradient_norm_value;  // 0-d on the device
  at::Tensor votes;                // StepTally::votes
  Embeddings embeddings;
  Report report;

  /// Wait for the device.
  double loss() const { return loss_value.item<double>(); }
  double gradient_norm() const { return gradient_norm_value.item<double>(); }
};

/// The recipe's networks on flat storage, its optimiser and followers, and where the run stands.
class Training {
 public:
  /// Builds the recipe with weights from plan.seed, which are then those of rank 0 on every rank.
  /// `config` and `group` must outlive the object. By default the host reads flags late on a GPU,
  /// at once on a CPU. Throws ConfigError for micro-batches that cut BatchNorm groups. A
  /// collective, as are the steps and load().
  Training(const RunConfig& config, const DatasetInfo& data, const TrainPlan& plan, Group& group,
           at::Device device, std::optional<FiniteFlag::Reading> reading = std::nullopt);

  Recipe& recipe() { return *recipe_; }
  const TrainPlan& plan() const { return plan_; }
  const DatasetInfo& data() const { return data_; }
  at::Device device() const { return device_; }
  Group& group() const { return group_; }
  /// How a step's gradients are computed, by the config as it stands.
  GradientPlan gradient_plan() const;
  /// Images of a step on this rank, at most.
  int64_t rows() const { return shard(plan_.batch, group_.size(), group_.rank()).size(); }
  /// Which buffers the ranks hold in pieces.
  const ShardedRows& sharded() const { return sharded_; }
  /// Bytes of parameters, buffers, gradients and optimiser state.
  int64_t state_bytes() const;
  int64_t step() const { return step_; }
  int64_t epoch() const { return step_ / plan_.steps_per_epoch; }

  /// One step on this rank's piece of a batch: embed, loss, backward, gradients averaged over
  /// ranks, update, followers, running statistics, after_step. Where loss or gradient is not
  /// finite nothing moves, neither in this step nor in later ones; throws DivergedError for it, in
  /// this step or, where the flag is read late, in the next. step() is then the failing one again.
  /// Throws, on all ranks alike and as late: ConfigError naming the parameters that the loss of
  /// some rank does not depend on, unless train.unused_parameters allows it. Every
  /// train.check_ranks steps: EnvironmentError where ranks do not hold the same state.
  StepReport train_step(const ViewBatch& views, bool wants_to_stop = false);
  /// Whether some rank wanted to stop in a step that the host may look at by now: the same on all
  /// ranks after the same step.
  bool stop_agreed() const { return stop_agreed_; }
  /// The step that was not finite, after DivergedError.
  const std::optional<NotFinite>& failure() const { return failure_; }
  /// Waits for the device; throws DivergedError as train_step does.
  void settle();

  /// A batch as the recipe sees it at this step.
  Batch make_batch(const ViewBatch& views) const;
  /// The first half of a step: embed, loss, backward, gradients averaged over ranks, which the
  /// parameters then hold. Nothing moves.
  StepReport compute_gradients(const Batch& batch, bool wants_to_stop = false);

  /// Parameters and buffers as they are, finite or not; on rank 0 buffers that ranks hold in pieces
  /// are whole. A collective. Precondition: settled.
  NamedTensors whole_state() const;
  /// The files of whole_state() and of the optimiser's state. Not a collective.
  std::vector<GenerationFile> state_files(const NamedTensors& whole_state) const;
  /// Throws DivergedError on all ranks, naming a tensor that is not finite: what is saved must be
  /// worth going on from, and an overflow may sit in a buffer that no loss has met yet. A
  /// collective.
  void check_finite_state() const;
  /// All of these: what a checkpoint of rank 0 holds. A collective.
  std::vector<GenerationFile> save() const;
  /// Restores what save() wrote on rank 0, on any number of ranks, bit by bit. Throws
  /// CheckpointError, and EnvironmentError where ranks read different bits.
  void load(const Generation& generation);

 private:
  void move_after_step(const Embeddings& embeddings, const Batch& batch);
  void stop_at(const std::optional<NotFinite>& failure);
  void heed_votes();
  NamedTensors replicated_state() const;

  const RunConfig& config_;
  DatasetInfo data_;
  TrainPlan plan_;
  Group& group_;
  at::Device device_;
  std::optional<DeviceRenderer> renderer_;  // where the device renders
  int64_t step_ = 0;
  double peak_rate_ = 0.0;
  std::shared_ptr<Shard> piece_;  // the rows of the global batch that BatchNorm sees
  FiniteFlag flag_;
  std::optional<NotFinite> failure_;
  std::shared_ptr<Recipe> recipe_;
  ShardedRows sharded_;
  std::unique_ptr<FlatStorage> storage_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<GradientExchange> exchange_;
  bool stop_agreed_ = false;
};

}  // namespace nearfar
