// Measures how fast this machine loads a data set's views: stage by stage on one thread, and the
// real loader.
#pragma once

#include <memory>
#include <vector>

#include "framework/data/loader.h"
#include "framework/data/stage_times.h"

namespace nearfar {

/// Images per second count an image with all its views.
struct LoadSpeed {
  Spread one_worker;              // images per second of a ViewLoader with one worker
  Spread all_workers;             // images per second with plan.threads workers
  Spread unrendered;              // images per second with one worker, where a GPU renders
  std::vector<StageTime> stages;  // "read", "decode", "draw", "render", on one thread
  double first_read = 0.0;        // seconds to read a file for the first time; 0: no files
  double bytes = 0.0;             // of a file, on average
};

/// Follows the order of epoch 0. Files are read again and again, so "read" is what the page cache
/// gives; first_read is measured before, and is the disk's speed where the cache was cold. Throws
/// what the loader throws for unreadable images, unless loader.skip_bad_images; DataError where
/// even then too few can be read; EnvironmentError where so many workers do not start. Every
/// measurement ends by the clock, whatever images cost. All but `unrendered` render, also where the
/// run of `loader` leaves that to a GPU, and write their views past the caches where that run
/// would.
LoadSpeed measure_loading(std::shared_ptr<const Dataset> dataset,
                          const std::vector<ViewPolicy>& policies, const LoaderPlan& loader,
                          const BenchmarkPlan& plan, const Tick& tick);

}  // namespace nearfar
