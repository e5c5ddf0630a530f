// What the loader's tests share: a small set, two kinds of views, a plan.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "framework/data/loader.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {

inline std::vector<ViewPolicy> two_views() {
  ViewPolicy first;
  first.size = 8;
  ViewPolicy second;
  second.size = 6;
  second.blur = 0.0;
  second.interpolation = "bicubic";
  return {first, second};
}

inline LoaderPlan plan_of(int64_t batch, int workers) {
  LoaderPlan plan;
  plan.seed = 5;
  plan.batch = batch;
  plan.workers = workers;
  return plan;
}

inline std::shared_ptr<const Dataset> made(int64_t size, std::set<int64_t> bad = {}) {
  return std::make_shared<MadeDataset>(size, 3, 20, 24, 4, std::move(bad));
}

inline std::vector<ViewBatch> batches_of(ViewLoader& loader, int64_t epoch, int64_t size,
                                         int64_t steps, int64_t first = 0) {
  loader.begin_epoch(epoch, epoch_order(5, epoch, size), first);
  std::vector<ViewBatch> batches;
  for (int64_t step = first; step < steps; ++step) batches.push_back(loader.next());
  return batches;
}

}  // namespace nearfar
