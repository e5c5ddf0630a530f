// The oldest collective that is not done tells how long the GPU has been waiting.
#include "distributed/c10d_watch.h"

#include <utility>

namespace nearfar {

using Clock = std::chrono::steady_clock;

Watch::Watch(ConnectedRanks& ranks, std::string channel, c10::intrusive_ptr<c10d::Backend> backend)
    : ranks_(ranks), channel_(std::move(channel)), backend_(std::move(backend)) {
  thread_ = std::thread([this] { run(); });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Watch::add(Activity activity, c10::intrusive_ptr<c10d::Work> work) {
  const std::lock_guard lock(mutex_);
  outstanding_.push_back({std::move(activity), std::move(work), Clock::now()});
}

void Watch::drop_finished() {
  const bool had_some = !outstanding_.empty();
  while (!outstanding_.empty() && outstanding_.front().work->isCompleted()) {
    outstanding_.pop_front();
    // The next one could not begin before this one had ended.
    if (!outstanding_.empty()) outstanding_.front().begin = Clock::now();
  }
  if (!outstanding_.empty()) {
    ranks_.pulse().enter(channel_, outstanding_.front().activity);
  } else if (had_some) {
    ranks_.pulse().leave(channel_);
  }
}

void Watch::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const auto deadline = ranks_.deadline();
    changed_.wait_for(lock, Rhythm(deadline).interval / 2, [this] { return ending_; });
    drop_finished();
    if (ending_ || outstanding_.empty()) continue;
    const bool late = Clock::now() - outstanding_.front().begin > deadline;
    if (!late && !ranks_.has_failed() && !ranks_.hears_of_failure()) continue;
    const Mishap mishap{channel_, outstanding_.front().activity,
                        "the GPU has not finished it within the deadline"};
    lock.unlock();
    ranks_.failure_of(mishap);
    backend_->abort();
    return;
  }
}

}  // namespace nearfar
