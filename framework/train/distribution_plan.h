// What a run over many ranks takes of each: memory, collectives, bytes; measured on one rank alone.
#pragma once

#include <cstdint>

#include "distributed/collective_counts.h"
#include "framework/log/log.h"
#include "framework/train/configure.h"

namespace nearfar {

/// Bytes on one rank.
struct RankMemory {
  int64_t parameters = 0;
  int64_t gradients = 0;
  int64_t optimizer = 0;    // its state
  int64_t buffers = 0;      // running statistics, queues, banks
  int64_t activations = 0;  // the largest growth during a step: all that the step makes and drops
  int64_t batches = 0;      // rendered ones that wait or are in use
  int64_t total() const {
    return parameters + gradients + optimizer + buffers + activations + batches;
  }
};

struct DistributionPlan {
  int ranks = 1;
  int gpus_per_host = 1;
  int hosts = 1;
  int64_t batch = 0;                              // images of a step over all ranks
  int64_t largest_piece = 0, smallest_piece = 0;  // images of a step on a rank
  RankMemory memory;                              // of rank 0, which has a largest piece
  /// Activations come from a step as it is; otherwise from one with fewer or smaller images, and
  /// are taken to be linear in images and pixels.
  bool activations_measured = true;
  CollectiveCounts start;  // before the first step
  CollectiveCounts step;   // of each step
  CollectiveCounts check;  // of a check that ranks are equal, every train.check_ranks steps
};

/// Builds the run's Training as rank 0 of `ranks`, on the CPU and without the others, and counts
/// what the start and a step exchange: a step with all images of the rank, which are made up, and
/// smaller than the run's where those would take longer than about `seconds` (no collective depends
/// on their size). `on_gpu`: where the run shall be, which decides how many batches wait. Throws
/// ConfigError for a batch that leaves ranks without images.
DistributionPlan plan_distribution(const ResolvedRun& run, int ranks, int gpus_per_host,
                                   bool on_gpu, double seconds = 1.5);

}  // namespace nearfar
