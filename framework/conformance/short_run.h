// A few steps of a recipe as a miniature on one rank: what the laws compare.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/checkpoint/tensors.h"
#include "framework/conformance/subject.h"
#include "framework/conformance/watched_recipe.h"
#include "framework/optimize/optimizer.h"
#include "framework/train/gradient_pass.h"
#include "framework/train/miniature.h"

namespace nearfar {

struct ShortPlan {
  MiniaturePlan small;
  int64_t micro_batch = 0;
  double rate = 0.01;
  std::string rule = "sgd";
  double own = 0.5;                     // MiniatureBatch::own
  std::optional<double> constant = {};  // MiniatureBatch::constant
  bool watches_generator = false;
};

/// What a step came to. Losses are means over ranks, gradients averages.
struct StepTrace {
  double loss = 0.0;
  double random_guess = 0.0;
  NamedTensors gradients;  // by parameter; copies
};

/// The steps of a run without its loader, its log and its device: epochs begin with
/// Recipe::before_epoch, a step is gradient pass, sum over ranks, update, followers, running
/// statistics, after_step. What the recipe throws comes out as RecipeThrew. Every rank takes the
/// same steps.
class ShortRun {
 public:
  ShortRun(const Subject& subject, const ShortPlan& plan, Group& group);

  StepTrace step();
  /// Which batch the next step takes; begins its epoch where it is the first of one.
  Batch next_batch();
  /// Sets which rows BatchNorm sees, as Recipe::embed needs it.
  Embeddings embed(const Batch& batch);
  WatchedRecipe& recipe() { return *recipe_; }
  int64_t steps_done() const { return step_; }

  /// Parameters, buffers and the optimiser's state by name; the live tensors.
  NamedTensors state();
  /// Writes what a checkpoint keeps into a folder, and reads it back into another object.
  void save(const std::string& folder);
  void load(const std::string& folder);

 private:
  void begin_epoch();
  MiniatureBatch images(std::vector<int64_t> index) const;
  at::Tensor features(Encoder& encoder);
  StepTrace trace(const PassResult& pass);
  int64_t steps_per_epoch() const;

  ShortPlan plan_;
  Group& group_;
  DatasetInfo data_;
  Miniature small_;
  std::shared_ptr<WatchedRecipe> recipe_;
  std::unique_ptr<FlatStorage> storage_;
  OptimizerConfig rule_;
  std::unique_ptr<Optimizer> optimizer_;
  int64_t side_ = 0;
  int64_t step_ = 0;
  int64_t begun_ = -1;  // the epoch that has begun
  std::vector<int64_t> order_;
};

}  // namespace nearfar
