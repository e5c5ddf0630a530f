// Reads and renders a data set in order, one batch ahead of whoever consumes it.
#pragma once

#include <functional>
#include <vector>

#include "augment/render.h"
#include "augment/view.h"
#include "framework/data/dataset.h"

namespace nearfar {

/// How images become batches: each is cropped, resized and normalised; nothing is random.
struct BatchPlan {
  int64_t batch = 256;
  int workers = 1;
  RenderTarget target;
  std::function<Box(int height, int width)> crop;
};

/// Images first .. first + count - 1, channels-last [count, height, width, channels] in `pixels`.
using BatchConsumer = std::function<void(int64_t first, int64_t count, std::vector<float>& pixels)>;

/// Calls `consume` on the calling thread for one batch after another while the next is read by
/// worker threads. Two batches are in memory at a time. Rethrows the error of the first image that
/// failed.
void for_each_batch(const Dataset& dataset, const BatchPlan& plan, const BatchConsumer& consume);

}  // namespace nearfar
