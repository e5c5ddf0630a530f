// One rank's training state and the step that moves it: DESIGN's path of a batch, from views to
// update.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "distributed/group.h"
#include "framework/checkpoint/generations.h"
#include "framework/data/loader.h"
#include "framework/optimize/flat_storage.h"
#include "framework/optimize/optimizer.h"
#include "framework/train/device_renderer.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// What a step left behind for the log. The embeddings are those of this rank.
struct StepReport {
  double loss = 0.0;  // mean over ranks
  double random_guess_loss = 0.0;
  double learning_rate = 0.0;
  double gradient_norm = 0.0;
  Embeddings embeddings;
  Report report;
};

/// The recipe's networks on flat storage, its optimiser and followers, and where the run stands.
class Training {
 public:
  /// Builds the recipe with weights from plan.seed. `config` must outlive the object.
  Training(const RunConfig& config, const DatasetInfo& data, const TrainPlan& plan, Group& group,
           at::Device device);

  Recipe& recipe() { return *recipe_; }
  const TrainPlan& plan() const { return plan_; }
  int64_t step() const { return step_; }
  int64_t epoch() const { return step_ / plan_.steps_per_epoch; }

  /// One step on this rank's piece of a batch: embed, loss, backward, gradients averaged over
  /// ranks, update, followers, running statistics, after_step. Throws DivergedError, with nothing
  /// moved, when loss or gradient is not finite.
  StepReport train_step(const ViewBatch& views);

  /// Parameters, buffers and optimiser state as files of a checkpoint. Throws DivergedError naming
  /// a tensor that is not finite.
  std::vector<GenerationFile> save() const;
  /// Restores what save() wrote, bit by bit. Throws CheckpointError.
  void load(const Generation& generation);

 private:
  Batch make_batch(const ViewBatch& views) const;
  void check_finite(const StepReport& report);
  void check_finite_state() const;

  const RunConfig& config_;
  TrainPlan plan_;
  Group& group_;
  at::Device device_;
  std::optional<DeviceRenderer> renderer_;  // where the device renders
  int64_t step_ = 0;
  double peak_rate_ = 0.0;
  std::shared_ptr<Shard> piece_;  // the rows of the global batch that BatchNorm sees
  std::shared_ptr<Recipe> recipe_;
  std::unique_ptr<FlatStorage> storage_;
  std::unique_ptr<Optimizer> optimizer_;
};

}  // namespace nearfar
