// A run's recipe at a size that takes no time, in float64, with made-up images: for asking whether
// its mathematics hold where it shall run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "distributed/group.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// One rank's recipe, and the rows that its BatchNorm sees next (NormPlan::piece).
struct Miniature {
  std::shared_ptr<Recipe> recipe;
  std::shared_ptr<Shard> piece;
  std::vector<std::shared_ptr<Encoder>> encoders;  // that it was given
};

/// Height and width of the images for the largest view: a few pixels where the recipe's encoder is
/// one of those that it was given, which take any; those of the view where it brings its own.
int64_t image_side(const Recipe& recipe, const std::vector<std::shared_ptr<Encoder>>& encoders);

/// Which run a miniature is a part of.
struct MiniaturePlan {
  int64_t batch = 0;       // images over all ranks
  int64_t norm_batch = 0;  // images that share statistics; 0: all
  int64_t images = 0;      // of the data set; 0: one batch
  int64_t steps = 8;       // of the run
  uint64_t seed = 17;      // of the weights
  at::ScalarType type = at::kDouble;
  bool shaken = true;  // weights that are nowhere zero, whatever the recipe starts from
};

/// The config's recipe on the group's device: in plan.type, a `tiny` encoder, weights from counters
/// that are nowhere zero, and the recipe's settings with no integer above 64 where it accepts that
/// (a queue of 65,536 keys would take seconds). LibTorch's generators are left as they were.
/// Thread-safe.
Miniature make_miniature(const RunConfig& config, const DatasetInfo& data,
                         const MiniaturePlan& plan, Group& group);

/// Shows the recipe a batch without learning from it: what it remembers of earlier batches, a
/// queue, is empty at first, and says nothing. `piece` is its NormPlan's.
void remember(Recipe& recipe, Shard& piece, const Batch& batch);

/// Which images a batch shows, and how.
struct MiniatureBatch {
  int64_t batch = 0;  // images over all ranks
  int64_t step = 0;
  int64_t epoch = 0;
  double progress = 0.0;
  std::vector<int64_t> index = {};      // of each image in the data set; empty: 0, 1, 2, ...
  int64_t side = 12;                    // of the largest view, in pixels
  double own = 1.0;                     // share of a view that no other view of its image shows
  std::optional<double> constant = {};  // every pixel, instead
  at::ScalarType type = at::kDouble;
};

/// This rank's piece of a batch of made-up images, labels and targets, a function of image, step
/// and place in the global batch: no two rows are alike, on any rank. Shuffled views are so here
/// too.
Batch make_miniature_batch(const Recipe& recipe, const DatasetInfo& data,
                           const MiniatureBatch& what, Group& group);

}  // namespace nearfar
