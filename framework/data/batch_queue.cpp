// The queue between the consumer of batches and the workers that fill them.
#include "framework/data/batch_queue.h"

#include <algorithm>
#include <stdexcept>

#include "framework/data/batch_permutation.h"

namespace nearfar {

BatchQueue::BatchQueue(const ViewRows& rows, const LoaderPlan& plan, size_t capacity)
    : rows_(rows), plan_(plan), capacity_(capacity) {}

void BatchQueue::begin(EpochPlan plan) {
  {
    const std::lock_guard lock(mutex_);
    // Workers that still fill a row of a dropped batch keep it alive until they are done.
    batches_.clear();
    epoch_ = std::move(plan);
    next_step_ = epoch_.first_step;
    next_row_ = 0;
  }
  work_.notify_all();
}

bool BatchQueue::can_open() const {
  return next_step_ < epoch_.steps && batches_.size() < capacity_;
}

void BatchQueue::prepare(PendingBatch& pending, int64_t step) {
  const auto images = static_cast<int64_t>(epoch_.items.size());
  const int64_t first = step * plan_.batch;
  const int64_t total = std::min(plan_.batch, images - first);
  ViewBatch& batch = pending.batch;
  batch.step_in_epoch = step;
  batch.shard = shard(total, plan_.ranks, plan_.rank);
  batch.targets = rows_.targets();
  batch.channels = rows_.dataset().info().channels;
  const auto n = static_cast<size_t>(batch.shard.size());
  const auto begin = epoch_.items.begin() + first + batch.shard.begin;
  batch.index.assign(begin, begin + batch.shard.size());
  batch.label.assign(n, -1);
  batch.target.resize(n * rows_.dataset().info().targets.size());
  batch.rows.resize(plan_.render ? 0 : n);
  batch.views.resize(plan_.render ? batch.targets.size() : 0);
  for (size_t v = 0; v < batch.views.size(); ++v) {
    const Size size = batch.targets[v].size;
    batch.views[v].resize(n * static_cast<size_t>(size.height) * static_cast<size_t>(size.width) *
                          static_cast<size_t>(batch.channels));
  }
  prepare_shuffled(pending, epoch_.items.begin() + first);
  pending.epoch = epoch_.epoch;
  pending.outcomes.resize(n);
  pending.failures.resize(n);
  pending.unfinished = batch.shard.size();
}

void BatchQueue::prepare_shuffled(PendingBatch& pending,
                                  std::vector<int64_t>::const_iterator items) {
  ViewBatch& batch = pending.batch;
  const Shard& own = batch.shard;
  batch.shuffled_views = rows_.shuffled_views();
  const bool has_shuffled = !batch.shuffled_views.empty();
  batch.permutation.clear();
  batch.shuffled_rows.resize(has_shuffled && !plan_.render ? static_cast<size_t>(own.size()) : 0);
  if (!has_shuffled) return;
  batch.permutation = batch_permutation(plan_.seed, epoch_.epoch, *items, own.total);
  for (int64_t row = own.begin; row < own.end; ++row) {
    pending.shuffled_items.push_back(items[batch.permutation[static_cast<size_t>(row)]]);
  }
}

void BatchQueue::open_batch() {
  auto pending = std::make_shared<PendingBatch>();
  if (!spare_.empty()) {
    pending->batch = std::move(spare_.back());
    spare_.pop_back();
  }
  prepare(*pending, next_step_);
  batches_.push_back(std::move(pending));
  ++next_step_;
  next_row_ = 0;
}

bool BatchQueue::try_open_batch() {
  try {
    open_batch();
  } catch (...) {
    failure_ = std::current_exception();
    stopped_ = true;
  }
  work_.notify_all();
  // A rank's piece of a short batch may have no rows: the consumer must hear of it all the same.
  if (failure_ || batches_.back()->unfinished == 0) ready_.notify_one();
  return !failure_;
}

std::optional<RowTask> BatchQueue::next_row() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (!batches_.empty() && next_row_ < batches_.back()->batch.shard.size()) {
      return RowTask{batches_.back(), next_row_++};
    }
    if (!can_open()) {
      work_.wait(lock);
    } else if (!try_open_batch()) {
      break;
    }
  }
  return std::nullopt;
}

void BatchQueue::finish_row(RowTask task) {
  const std::lock_guard lock(mutex_);
  if (--task.pending->unfinished == 0) ready_.notify_one();
  task.pending.reset();
}

std::shared_ptr<PendingBatch> BatchQueue::take() {
  std::unique_lock lock(mutex_);
  if (batches_.empty() && next_step_ >= epoch_.steps) {
    throw std::logic_error("ViewLoader::next: the epoch has no steps left");
  }
  ready_.wait(lock,
              [&] { return failure_ || (!batches_.empty() && batches_.front()->unfinished == 0); });
  if (failure_) std::rethrow_exception(failure_);
  std::shared_ptr<PendingBatch> finished = std::move(batches_.front());
  batches_.pop_front();
  lock.unlock();
  work_.notify_all();
  return finished;
}

void BatchQueue::recycle(ViewBatch batch) {
  const std::lock_guard lock(mutex_);
  if (spare_.size() < capacity_) spare_.push_back(std::move(batch));
}

void BatchQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  work_.notify_all();
}

}  // namespace nearfar
