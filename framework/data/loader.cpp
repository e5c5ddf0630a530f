// The loader: worker threads, and what is made of unreadable images when a batch is handed out.
#include "framework/data/loader.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "framework/data/bad_share.h"
#include "framework/data/batch_queue.h"
#include "framework/data/view_rows.h"

namespace nearfar {
namespace {

void check_plan(const LoaderPlan& plan) {
  if (plan.batch < 1 || plan.workers < 1 || plan.rank < 0 || plan.rank >= plan.ranks) {
    throw std::invalid_argument("ViewLoader: expected batch > 0, workers > 0, 0 <= rank < ranks");
  }
}

/// Adds k * size to an index that is there for the k-th time after the first.
void number_repeats(std::vector<int64_t>& order, int64_t size) {
  std::vector<int64_t> seen(static_cast<size_t>(size), 0);
  for (int64_t& index : order) {
    if (index < 0 || index >= size) {
      throw std::invalid_argument("ViewLoader: expected indices below " + std::to_string(size) +
                                  ", got " + std::to_string(index));
    }
    index += size * seen[static_cast<size_t>(index)]++;
  }
}

}  // namespace

struct ViewLoader::State {
  State(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies, LoaderPlan plan_,
        Log& log_)
      : plan(plan_),
        log(log_),
        rows(std::move(dataset), std::move(policies), plan),
        queue(rows, plan, static_cast<size_t>(plan.workers) + 2) {
    try {
      for (int i = 0; i < plan.workers; ++i) workers.emplace_back([this] { work(); });
    } catch (const std::system_error& refused) {
      stop_workers();
      throw EnvironmentError("data.workers: expected " + std::to_string(plan.workers) +
                             " threads, could start " + std::to_string(workers.size()) + ": " +
                             refused.what());
    } catch (...) {
      stop_workers();
      throw;
    }
  }
  ~State() { stop_workers(); }

  void stop_workers() {
    queue.stop();
    for (std::thread& worker : workers) worker.join();
  }

  void work() {
    RowScratch scratch;
    while (std::optional<RowTask> task = queue.next_row()) {
      PendingBatch& pending = *task->pending;
      const auto row = static_cast<size_t>(task->row);
      try {
        pending.outcomes[row] =
            rows.make(pending.epoch, pending.batch.index[row], task->row, pending.batch, scratch);
        if (!pending.shuffled_items.empty()) {
          rows.make_shuffled(pending.epoch, pending.shuffled_items[row], task->row, pending.batch,
                             pending.outcomes[row], scratch);
        }
        note_what_is_seen(pending, row);
      } catch (...) {
        pending.failures[row] = std::current_exception();
      }
      queue.finish_row(std::move(*task));
    }
  }

  void note_what_is_seen(PendingBatch& pending, size_t row) {
    const int64_t index = pending.outcomes[row].index;
    pending.batch.index[row] = index;
    pending.batch.label[row] = rows.dataset().label(index);
    const std::span<const float> target = rows.dataset().target(index);
    std::copy(target.begin(), target.end(), pending.batch.target.begin() + row * target.size());
  }

  /// Unreadable images are counted when their batch is handed out, so that a run stops at the same
  /// step whatever the number of workers.
  void note_skipped(const PendingBatch& pending) {
    for (const RowOutcome& outcome : pending.outcomes) {
      for (const SkippedImage& image : outcome.skipped) {
        if (!skipped.emplace(image.index, image.reason).second) continue;
        log.warning("data: " + image.reason + "; another image stands in for it");
      }
    }
    if (skipped.empty()) return;
    require_few_bad(static_cast<int64_t>(skipped.size()), rows.dataset().info().size,
                    plan.max_bad_fraction, skipped.begin()->second);
  }

  const LoaderPlan plan;
  Log& log;
  const ViewRows rows;
  BatchQueue queue;
  std::map<int64_t, std::string> skipped;  // touched by the consumer's thread only
  std::vector<std::thread> workers;
};

ViewLoader::ViewLoader(std::shared_ptr<const Dataset> dataset, std::vector<ViewPolicy> policies,
                       LoaderPlan plan, Log& log) {
  check_plan(plan);
  state_ = std::make_unique<State>(std::move(dataset), std::move(policies), plan, log);
}

ViewLoader::~ViewLoader() = default;

void ViewLoader::begin_epoch(int64_t epoch, std::vector<int64_t> order, int64_t first_step) {
  const LoaderPlan& plan = state_->plan;
  const int64_t steps =
      steps_per_epoch(static_cast<int64_t>(order.size()), plan.batch, plan.drop_last);
  if (first_step < 0 || first_step > steps) {
    throw std::invalid_argument("ViewLoader: expected a first step of 0 to " +
                                std::to_string(steps) + ", got " + std::to_string(first_step));
  }
  const int64_t size = state_->rows.dataset().info().size;
  number_repeats(order, size);
  state_->queue.begin({epoch, std::move(order), first_step, steps});
}

ViewBatch ViewLoader::next() {
  const std::shared_ptr<PendingBatch> pending = state_->queue.take();
  state_->note_skipped(*pending);
  // The first row's failure, not the first in time: the same one whatever the number of workers.
  for (const std::exception_ptr& failure : pending->failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return std::move(pending->batch);
}

void ViewLoader::recycle(ViewBatch batch) { state_->queue.recycle(std::move(batch)); }

std::vector<SkippedImage> ViewLoader::skipped() const {
  std::vector<SkippedImage> images;
  for (const auto& [index, reason] : state_->skipped) images.push_back({index, reason});
  return images;
}

void ViewLoader::restore_skipped(const std::vector<SkippedImage>& images) {
  for (const SkippedImage& image : images) state_->skipped.emplace(image.index, image.reason);
}

}  // namespace nearfar
