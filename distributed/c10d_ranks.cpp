// From the first sign of life to the good-bye.
#include "distributed/c10d_ranks.h"

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "distributed/c10d_shared_store.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// How long a store may take to answer: a rank that is looked at meanwhile counts as silent.
milliseconds answer_bound(milliseconds deadline) {
  return std::max(Rhythm(deadline).silent_after, milliseconds(500));
}

// Of a rank that fails, and of one that has come to its end, for the others.
constexpr milliseconds kWaitAfterFailure{2000};
constexpr milliseconds kWaitAtTheEnd{10'000};
// A report is two calls.
constexpr milliseconds kReportBound{800};

}  // namespace

ConnectedRanks::ConnectedRanks(std::shared_ptr<StoreConnection> connection, Board board,
                               bool serves_store, std::string address, const JoinOptions& options)
    : options_(options),
      board_(std::move(board)),
      serves_store_(serves_store),
      address_(std::move(address)),
      connection_(std::move(connection)),
      store_(connection_, answer_bound(options.deadline)),
      pulse_(std::make_unique<Pulse>(store_, board_.pulse_key(board_.rank), options.deadline)),
      deadline_(options.deadline.count()) {}

ConnectedRanks::~ConnectedRanks() {
  const bool early = ends_early_ || std::uncaught_exceptions() > 0;
  pulse_.reset();
  const std::string key = board_.prefix + "goodbye";
  try {
    store_.add(key, 1);
    if (!serves_store_) return;
    const auto end = Clock::now() + std::min(deadline(), early ? kWaitAfterFailure : kWaitAtTheEnd);
    while (store_.add(key, 0) < board_.ranks && Clock::now() < end) {
      std::this_thread::sleep_for(milliseconds(10));
    }
  } catch (const PeerError&) {
    // Whoever serves the store has left before: nobody is there to say good-bye to.
  }
}

void ConnectedRanks::set_deadline(milliseconds deadline) {
  deadline_ = deadline.count();
  store_.set_bound(answer_bound(deadline));
  pulse_->set_deadline(deadline);
}

void ConnectedRanks::set_step(int64_t step) {
  step_ = step;
  pulse_->set_step(step);
}

void ConnectedRanks::report_failure(const std::string& reason) noexcept {
  try {
    {
      const std::lock_guard lock(mutex_);
      ends_early_ = true;
      // What another rank has caused is not reported as a cause.
      if (!failed_.empty() && reason.find(failed_) != std::string::npos) return;
    }
    ConnectedStore store(connection_, kReportBound);
    nearfar::report_failure(store, board_, reason);
    pulse_->set_failing();
  } catch (const std::exception&) {
    // Who would hear it is gone.
  }
}

std::string ConnectedRanks::who(const std::string& collective) const {
  return "rank " + std::to_string(board_.rank) + " of " + std::to_string(board_.ranks) + ": " +
         collective;
}

c10::intrusive_ptr<c10d::Backend> ConnectedRanks::connect(const std::string& channel) {
  const Activity activity{"connecting", 0, "channel " + channel};
  refuse_if_failed();
  pulse_->enter(channel, activity);
  const auto store = c10::make_intrusive<SharedStore>(
      connection_, "nearfar/" + board_.prefix + "channel/" + channel + "/", deadline());
  const MakeBackend make =
      options_.device.is_cpu() ? &make_gloo_backend : options_.make_device_backend;
  try {
    auto backend = c10::intrusive_ptr<c10d::Backend>::reclaim(
        make({store.get(), board_.rank, board_.ranks, address_,
              std::max<int>(options_.device.index(), 0), deadline()}));
    pulse_->leave(channel);
    return backend;
  } catch (const std::exception& error) {
    throw failure_of({channel, activity, error.what()});
  }
}

bool ConnectedRanks::has_failed() {
  const std::lock_guard lock(mutex_);
  return !failed_.empty();
}

bool ConnectedRanks::hears_of_failure() noexcept {
  try {
    return find_verdict(store_, board_).has_value();
  } catch (const std::exception&) {
    return false;  // the deadline will tell
  }
}

void ConnectedRanks::refuse_if_failed() {
  const std::lock_guard lock(mutex_);
  if (!failed_.empty()) throw PeerError(failed_);
}

PeerError ConnectedRanks::failure_of(const Mishap& mishap) {
  {
    const std::lock_guard lock(mutex_);
    if (!failed_.empty()) return PeerError(failed_);
  }
  const int64_t step = step_;
  pulse_->enter(mishap.channel, mishap.activity);
  pulse_->set_failing();
  ends_early_ = true;
  Mishap first_line = mishap;
  first_line.transport = mishap.transport.substr(0, mishap.transport.find('\n'));
  const std::string message =
      who(mishap.activity.collective) +
      (step < 0 ? " before the first step" : " of step " + std::to_string(step)) + ": " +
      find_cause(store_, board_, first_line, deadline());
  const std::lock_guard lock(mutex_);
  if (failed_.empty()) failed_ = message;
  return PeerError(failed_);
}

}  // namespace nearfar
