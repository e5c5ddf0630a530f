// A run's recipe at a size that takes no time, in float64, with made-up images: for asking whether
// its mathematics hold where it shall run.
#pragma once

#include <memory>

#include "distributed/group.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// One rank's recipe, and the rows that its BatchNorm sees next (NormPlan::piece).
struct Miniature {
  std::shared_ptr<Recipe> recipe;
  std::shared_ptr<Shard> piece;
};

/// The config's recipe on the group's device: float64, a `tiny` encoder, weights from counters that
/// are nowhere zero, and the recipe's settings with no integer above 64 where it accepts that (a
/// queue of 65,536 keys would take seconds). `batch` images over all ranks, `norm_batch` of which
/// share statistics (0: all). LibTorch's generators are left as they were. Thread-safe.
Miniature make_miniature(const RunConfig& config, const DatasetInfo& data, int64_t batch,
                         int64_t norm_batch, Group& group);

/// This rank's piece of a batch of made-up float64 images, labels and targets, a function of their
/// place in the global batch: no two rows are alike, on any rank. Shuffled views are so here too.
Batch make_miniature_batch(const Recipe& recipe, const DatasetInfo& data, int64_t batch,
                           Group& group);

}  // namespace nearfar
