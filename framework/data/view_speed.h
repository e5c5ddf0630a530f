// Measures how fast this machine draws and renders views of images that lie in memory.
#pragma once

#include <span>
#include <vector>

#include "augment/render.h"
#include "augment/view_policy.h"
#include "framework/data/dataset.h"
#include "framework/data/stage_times.h"

namespace nearfar {

/// Images per second count an image with all its views; each has policies.size() of them.
struct ViewSpeed {
  Spread one_thread;              // images per second
  Spread all_threads;             // images per second on plan.threads
  std::vector<StageTime> stages;  // "draw", "crop and resize", "colour", "blur", on one thread
};

/// Every thread renders into some rows of its own, over and over, and all rows together are written
/// as a batch of training that is as large: past the caches where it is larger than they are. What
/// colour and blur cost is measured by leaving them out: "colour" is jitter, grayscale and
/// solarisation. Throws std::invalid_argument for no images or no policies, EnvironmentError where
/// so many threads do not start.
ViewSpeed measure_views(std::span<const Image> images, const std::vector<ViewPolicy>& policies,
                        const BenchmarkPlan& plan, const Tick& tick);

/// Up to `count` images of a set, spread over it, decoded and kept; unreadable ones are left out.
class ImageSample {
 public:
  /// Throws DataError where none can be read. Stops early above `most_bytes`.
  ImageSample(const Dataset& dataset, int64_t count, int64_t most_bytes = int64_t{1} << 28);
  std::span<const Image> images() const { return images_; }

 private:
  std::vector<PixelBuffer> storage_;
  std::vector<Image> images_;
};

}  // namespace nearfar
