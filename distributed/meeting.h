// Where the ranks of one process meet: each brings what it has to the exchanges, one after another,
// and comes back for what they gave.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "distributed/contribution.h"

namespace nearfar {

/// The ranks first, first + 1, ... of one process out of `ranks`; they know of each other who has
/// gone. One mutex guards this and all meetings of the process.
struct LocalRanks {
  LocalRanks(int first_rank, int count, int all);
  int count() const { return static_cast<int>(departures.size()); }

  const int first;
  const int ranks;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> departures;  // why each takes part no more; empty while it does
  std::vector<int64_t> steps;           // that errors name; -1: none
  std::optional<std::chrono::milliseconds> deadline;  // to wait for one another
};

class Meeting;

/// What an exchange gives to all ranks of the process.
struct Outcome {
  at::Tensor tensor;
  std::shared_ptr<Meeting> meeting;  // of a new channel
};

/// The exchanges of one channel. They are performed in order, each by one of the ranks that wait.
class Meeting {
 public:
  using Perform = std::function<Outcome(const std::vector<Contribution>&)>;
  /// The last of the ranks to take from an outcome may keep its memory.
  using Take = std::function<at::Tensor(const Outcome&, bool is_last)>;

  /// `perform` is called once an exchange, with what each rank brought; what it throws is thrown to
  /// all of them.
  Meeting(std::shared_ptr<LocalRanks> ranks, Perform perform);

  /// Brings to the rank's next exchange and returns its number at once. Nobody writes to the tensor
  /// before collect() returns.
  int64_t bring(int local, Contribution contribution);
  /// Waits for the exchange and takes from its outcome. Throws PeerError when a rank of this
  /// process has gone or does not come in time.
  at::Tensor collect(int local, int64_t number, const Take& take);

 private:
  struct Exchange {
    std::vector<Contribution> contributions;  // by local rank
    int missing = 0;                          // that have brought nothing yet
    int waiting = 0;                          // that have taken nothing yet
    bool is_done = false;
    Outcome outcome;
    std::exception_ptr error;
  };
  using Lock = std::unique_lock<std::mutex>;

  Exchange& exchange(int64_t number);
  bool can_perform(int64_t number);
  void perform_next(Lock& lock);
  void wait(Lock& lock, int local, int64_t number, std::chrono::steady_clock::time_point since);
  void check_departures(int local, int64_t number);
  at::Tensor take_from(Lock& lock, int64_t number, const Take& take);
  [[noreturn]] void fail(int local, int64_t number, const std::string& why);

  std::shared_ptr<LocalRanks> ranks_;
  Perform perform_;
  std::vector<int64_t> brought_;    // exchanges that each local rank has brought to
  std::deque<Exchange> exchanges_;  // from number first_number_ on
  int64_t first_number_ = 0;
  int64_t next_ = 0;  // to be performed
  bool is_performing_ = false;
};

}  // namespace nearfar
