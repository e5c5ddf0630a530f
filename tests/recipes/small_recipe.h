// A recipe of a plugin at a size that float64 tests can afford.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/settings.h"
#include "framework/recipe/library.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

struct SmallPlan {
  int64_t batch = 12;
  int64_t norm_batch = 12;
  int64_t side = 12;
  int64_t steps = 20;
  uint64_t seed = 3;
  std::string encoder = "tiny";
  double drop_path = 0.0;
  double rate = 0.05;
  at::ScalarType type = at::kDouble;
};

/// One rank's recipe in plan.type, its weights from plan.seed, followers where their networks are,
/// and the piece that its BatchNorm sees.
struct SmallRecipe {
  std::shared_ptr<Recipe> recipe;
  std::shared_ptr<Shard> piece;
};

SmallRecipe make_small_recipe(const std::string& name, const std::vector<std::string>& settings,
                              const SmallPlan& plan, Group& group);

/// A rank's piece of the global batch of a step: deterministic images in plan.type, the same for
/// any number of ranks once put together. `shuffled` is Recipe::shuffled_views().
Batch small_batch(const SmallPlan& plan, int64_t step, size_t views, Group& group,
                  const std::vector<bool>& shuffled = {});
/// The batch that a recipe of those views and that shuffling gets.
Batch small_batch(const SmallPlan& plan, int64_t step, const Recipe& recipe, Group& group);

/// Lets the recipe see the batch of a step without learning from it: a queue that is empty at first
/// then holds keys.
void remember(SmallRecipe& small, const SmallPlan& plan, int64_t step, Group& group);

/// What a training ends with, by name: parameters, and buffers with the rows of all ranks.
using NamedValues = std::vector<std::pair<std::string, at::Tensor>>;

/// `steps` steps of SGD with momentum 0.9 and weight decay 1e-4, `micro_batch` images at a time (0:
/// all); gradients are averaged over ranks. Appends the losses of this rank to `losses`
/// where given.
NamedValues train_small(SmallRecipe& small, const SmallPlan& plan, int64_t steps,
                        int64_t micro_batch, Group& group, std::vector<double>* losses = nullptr);

/// The largest difference of two trainings relative to the largest value of each tensor (at least
/// 1e-3).
double worst_difference(const NamedValues& a, const NamedValues& b);

/// Loss (mean over ranks) and gradient (averaged over ranks) by name of parameters that are
/// learned, at one step.
struct LossAndGradient {
  double loss = 0.0;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};
LossAndGradient loss_and_gradient(SmallRecipe& small, const Batch& batch, Group& group,
                                  const std::function<at::Tensor(const Embeddings&)>& loss);

}  // namespace nearfar
