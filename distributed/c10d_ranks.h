// What all channels of a group share: the store, the pulse, and the reason why nothing goes on.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "distributed/backend.h"
#include "distributed/c10d_store.h"
#include "distributed/diagnosis.h"
#include "distributed/join.h"
#include "distributed/pulse.h"

namespace c10d {
class Backend;
}

namespace nearfar {

/// The ranks of a run, behind the channels between them. Thread-safe.
class ConnectedRanks {
 public:
  ConnectedRanks(std::shared_ptr<StoreConnection> connection, Board board, bool serves_store,
                 std::string address, const JoinOptions& options);
  /// Says good-bye; whoever serves the store leaves last.
  ~ConnectedRanks();
  ConnectedRanks(const ConnectedRanks&) = delete;
  ConnectedRanks& operator=(const ConnectedRanks&) = delete;

  int rank() const { return board_.rank; }
  int size() const { return board_.ranks; }
  at::Device device() const { return options_.device; }
  std::chrono::milliseconds deadline() const { return std::chrono::milliseconds(deadline_.load()); }
  Pulse& pulse() { return *pulse_; }

  void set_deadline(std::chrono::milliseconds deadline);
  void set_step(int64_t step);
  void report_failure(const std::string& reason) noexcept;

  /// "rank 0 of 2: all_sum".
  std::string who(const std::string& collective) const;

  /// A backend between all ranks for the channel of this name.
  c10::intrusive_ptr<c10d::Backend> connect(const std::string& channel);

  bool has_failed();
  /// Whether another rank has reported that it failed. Asks the store.
  bool hears_of_failure() noexcept;
  /// Throws the PeerError that was thrown before, if any: after it nothing goes on.
  void refuse_if_failed();
  /// Finds the cause, keeps it, and returns the PeerError to throw.
  PeerError failure_of(const Mishap& mishap);

 private:
  JoinOptions options_;
  Board board_;
  const bool serves_store_;
  const std::string address_;
  std::shared_ptr<StoreConnection> connection_;
  ConnectedStore store_;
  std::unique_ptr<Pulse> pulse_;
  std::atomic<int64_t> deadline_, step_{-1};
  std::mutex mutex_;
  std::string failed_;  // what the first PeerError said
  std::atomic<bool> ends_early_{false};
};

}  // namespace nearfar
