// Reads and renders a data set in order, one batch ahead of whoever consumes it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "augment/render.h"
#include "augment/view.h"
#include "framework/data/dataset.h"

namespace nearfar {

/// Why images cannot be read, by index.
using BadImages = std::map<int64_t, std::string>;

/// How images become batches: each is cropped, resized and normalised; nothing is random.
struct BatchPlan {
  int64_t batch = 256;
  int workers = 1;
  RenderTarget target;
  std::function<Box(int height, int width)> crop;
  BadImages* bad = nullptr;  // takes unreadable images, whose pixels are 0; null: they are errors
};

/// Images first .. first + count - 1, channels-last [count, height, width, channels] in `pixels`.
using BatchConsumer = std::function<void(int64_t first, int64_t count, std::vector<float>& pixels)>;

/// Calls `consume` on the calling thread for one batch after another while the next is read by
/// worker threads. Two batches are in memory at a time. Rethrows the error of the first image that
/// failed. plan.bad is complete when it returns.
void for_each_batch(const Dataset& dataset, const BatchPlan& plan, const BatchConsumer& consume);

}  // namespace nearfar
