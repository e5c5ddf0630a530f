// A thread that looks after collectives on a GPU, where waiting does not hold the host.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "distributed/c10d_ranks.h"

namespace nearfar {

/// The collectives of one channel that the GPU has yet to finish. One that is not done within the
/// deadline is the end of the run: the backend is aborted, which releases whoever waits for the
/// device, and the next call on the group throws the PeerError.
class Watch {
 public:
  Watch(ConnectedRanks& ranks, std::string channel, c10::intrusive_ptr<c10d::Backend> backend);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void add(Activity activity, c10::intrusive_ptr<c10d::Work> work);

 private:
  struct Outstanding {
    Activity activity;
    c10::intrusive_ptr<c10d::Work> work;
    std::chrono::steady_clock::time_point begin;
  };

  void run();
  /// Forgets what is done, and says what the pulse shall show.
  void drop_finished();

  ConnectedRanks& ranks_;
  const std::string channel_;
  c10::intrusive_ptr<c10d::Backend> backend_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Outstanding> outstanding_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace nearfar
