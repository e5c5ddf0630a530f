// Numbered exchanges between threads.
#include "distributed/meeting.h"

#include "distributed/peer_error.h"

namespace nearfar {

LocalRanks::LocalRanks(int first_rank, int count, int all)
    : first(first_rank), ranks(all), departures(count), steps(count, -1) {}

Meeting::Meeting(std::shared_ptr<LocalRanks> ranks, Perform perform)
    : ranks_(std::move(ranks)), perform_(std::move(perform)), brought_(ranks_->count(), 0) {}

Meeting::Exchange& Meeting::exchange(int64_t number) { return exchanges_[number - first_number_]; }

int64_t Meeting::bring(int local, Contribution contribution) {
  const Lock lock(ranks_->mutex);
  const int64_t number = brought_[local]++;
  if (number == first_number_ + static_cast<int64_t>(exchanges_.size())) {
    const int count = ranks_->count();
    exchanges_.emplace_back();
    exchanges_.back().contributions.resize(count);
    exchanges_.back().missing = exchanges_.back().waiting = count;
  }
  Exchange& mine = exchange(number);
  mine.contributions[local] = std::move(contribution);
  if (--mine.missing == 0) ranks_->changed.notify_all();
  return number;
}

at::Tensor Meeting::collect(int local, int64_t number, const Take& take) {
  const auto since = std::chrono::steady_clock::now();
  Lock lock(ranks_->mutex);
  while (!exchange(number).is_done) {
    if (can_perform(number)) {
      perform_next(lock);
    } else {
      wait(lock, local, number, since);
    }
  }
  return take_from(lock, number, take);
}

bool Meeting::can_perform(int64_t number) {
  return !is_performing_ && next_ <= number && exchange(next_).missing == 0;
}

void Meeting::perform_next(Lock& lock) {
  is_performing_ = true;
  Exchange& next = exchange(next_);
  lock.unlock();
  try {
    next.outcome = perform_(next.contributions);
  } catch (...) {
    next.error = std::current_exception();
  }
  next.contributions.clear();
  lock.lock();
  next.is_done = true;
  is_performing_ = false;
  ++next_;
  ranks_->changed.notify_all();
}

void Meeting::wait(Lock& lock, int local, int64_t number,
                   std::chrono::steady_clock::time_point since) {
  if (exchange(number).missing > 0) check_departures(local, number);
  // Who performs an exchange has a deadline of its own for other processes.
  if (is_performing_ || !ranks_->deadline) {
    ranks_->changed.wait(lock);
    return;
  }
  const auto deadline = *ranks_->deadline;
  if (ranks_->changed.wait_until(lock, since + deadline) == std::cv_status::no_timeout) return;
  if (is_performing_ || exchange(number).missing == 0) return;
  for (int other = 0; other < ranks_->count(); ++other) {
    if (brought_[other] > number) continue;
    fail(local, number,
         "rank " + std::to_string(ranks_->first + other) + " did not come within " +
             std::to_string(deadline.count()) + " ms");
  }
}

/// Throws when a rank that has gone will never bring what the exchange needs.
void Meeting::check_departures(int local, int64_t number) {
  for (int other = 0; other < ranks_->count(); ++other) {
    const std::string& departure = ranks_->departures[other];
    if (departure.empty() || brought_[other] > number) continue;
    fail(local, number, "rank " + std::to_string(ranks_->first + other) + " " + departure);
  }
}

void Meeting::fail(int local, int64_t number, const std::string& why) {
  std::string step;
  if (ranks_->steps[local] >= 0) step = " of step " + std::to_string(ranks_->steps[local]);
  throw PeerError("rank " + std::to_string(ranks_->first + local) + " of " +
                  std::to_string(ranks_->ranks) + ": " +
                  exchange(number).contributions[local].collective + step + ": " + why);
}

at::Tensor Meeting::take_from(Lock& lock, int64_t number, const Take& take) {
  Exchange& done = exchange(number);
  const std::exception_ptr error = done.error;
  const bool is_last = done.waiting == 1;
  at::Tensor taken;
  if (!error) {
    lock.unlock();
    taken = take(done.outcome, is_last);
    lock.lock();
  }
  --done.waiting;
  while (!exchanges_.empty() && exchanges_.front().waiting == 0) {
    exchanges_.pop_front();
    ++first_number_;
  }
  if (error) std::rethrow_exception(error);
  return taken;
}

}  // namespace nearfar
