// Batches in the making: hands rows to workers and finished batches, in order, to the consumer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "framework/data/loader.h"
#include "framework/data/view_rows.h"

namespace nearfar {

/// One epoch's plan for one rank.
struct EpochPlan {
  int64_t epoch = 0;
  std::vector<int64_t> items;  // of the order's rows, as ViewRows::make() takes them
  int64_t first_step = 0;
  int64_t steps = 0;
};

/// A batch that workers fill row by row.
struct PendingBatch {
  ViewBatch batch;
  int64_t epoch = 0;
  std::vector<int64_t> shuffled_items;       // [n], of what shuffled views show; else empty
  std::vector<RowOutcome> outcomes;          // [n]
  std::vector<std::exception_ptr> failures;  // [n]
  int64_t unfinished = 0;                    // rows, guarded by the queue's mutex
};

/// A row to be made. Rows of one batch are disjoint memory: workers fill them without a lock.
struct RowTask {
  std::shared_ptr<PendingBatch> pending;
  int64_t row = 0;
};

/// Thread-safe. At most `capacity` batches exist between the first row handed out and take().
class BatchQueue {
 public:
  BatchQueue(const ViewRows& rows, const LoaderPlan& plan, size_t capacity);

  /// Starts an epoch; unfinished batches of an earlier one are dropped.
  void begin(EpochPlan plan);
  /// The next row to make; waits for one. Nothing once stop() was called.
  std::optional<RowTask> next_row();
  /// Takes the task back, so that whoever takes a finished batch is its only owner.
  void finish_row(RowTask task);
  /// Waits for the next batch in order and hands it over. Throws std::logic_error past the last
  /// step, and what kept a batch from being opened (no memory).
  std::shared_ptr<PendingBatch> take();
  /// Takes memory back.
  void recycle(ViewBatch batch);
  /// Lets all waiting workers go.
  void stop();

 private:
  bool can_open() const;
  void open_batch();
  bool try_open_batch();
  void prepare(PendingBatch& pending, int64_t step);
  void prepare_shuffled(PendingBatch& pending, std::vector<int64_t>::const_iterator items);

  const ViewRows& rows_;
  const LoaderPlan plan_;
  const size_t capacity_;

  std::mutex mutex_;
  std::condition_variable work_;   // rows may be there, or stop
  std::condition_variable ready_;  // a batch is finished
  EpochPlan epoch_;
  int64_t next_step_ = 0;  // the next batch to open
  std::deque<std::shared_ptr<PendingBatch>> batches_;
  int64_t next_row_ = 0;  // of the newest batch
  std::vector<ViewBatch> spare_;
  bool stopped_ = false;
  std::exception_ptr failure_;  // of opening a batch; workers have stopped
};

}  // namespace nearfar
