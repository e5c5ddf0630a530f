// From a batch to gradients: at once, or in micro-batches under the loss of the whole batch.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "framework/recipe/recipe.h"
#include "framework/train/precision.h"

namespace nearfar {

/// How a recipe's gradients are computed.
struct GradientPlan {
  int64_t micro_batch = 0;  // images embedded at a time on this rank; 0: all of them
  Precision precision = Precision::fp32;
  /// The rows that the recipe's BatchNorm sees next (NormPlan::piece); set here before every
  /// Recipe::embed. May be null for a recipe that has none.
  std::shared_ptr<Shard> piece;
};

/// What a pass leaves behind.
struct PassResult {
  Embeddings embeddings;  // of all rows, detached
  Loss loss;              // its value detached
};

/// Told what the last backward pass starts from, before it runs: no gradient of a parameter that it
/// does not reach changes any more.
using LastBackward = std::function<void(const std::vector<at::Tensor>& roots)>;

/// Adds the gradient of the recipe's loss on `batch` to its parameters. In micro-batches the
/// gradient is that of the whole batch's loss, by gradient caching (Gao et al. 2021, "Scaling deep
/// contrastive learning batch size under memory limited setup"): the pieces are embedded without
/// gradient, the loss gives the gradient at the embeddings, and each piece is embedded again with
/// gradient. Equal to the whole batch up to rounding when the pieces are whole BatchNorm groups
/// (BatchNorm refuses others); pending running statistics are those of one pass.
PassResult add_gradients(Recipe& recipe, const Batch& batch, const GradientPlan& plan,
                         const LastBackward& last_backward = {});

/// The pieces of `shard`, each of micro_batch rows but the last; one piece for 0.
std::vector<Shard> micro_batches(const Shard& shard, int64_t micro_batch);

/// Throws ConfigError unless micro-batches of this size are whole BatchNorm groups on every rank.
/// Does nothing for recipes without BatchNorm.
void check_micro_batch(Recipe& recipe, int64_t micro_batch, int64_t batch, int64_t norm_batch,
                       int ranks);

}  // namespace nearfar
