// One order of collectives between the ranks: a backend of c10d, and what to do when it fails.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "distributed/c10d_ranks.h"
#include "distributed/c10d_watch.h"
#include "distributed/group.h"

namespace nearfar {

class Channel {
 public:
  using Work = c10::intrusive_ptr<c10d::Work>;
  using Begin = std::function<Work()>;

  /// Returns when all ranks are connected. A collective.
  Channel(std::shared_ptr<ConnectedRanks> ranks, std::string name);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  const std::string& name() const { return name_; }
  const std::shared_ptr<ConnectedRanks>& ranks() const { return ranks_; }
  c10d::Backend& backend() { return *backend_; }

  /// Begins a collective and waits for it. `what` is the same on all ranks when they ask for the
  /// same.
  void carry_out(const char* collective, std::string what, const Begin& begin);
  /// Begins a collective; it is waited for later, if at all.
  std::unique_ptr<Pending> start(const char* collective, std::string what, const Begin& begin);
  /// Returns when all ranks have called it.
  void meet(const char* collective);
  /// Sums in place over ranks: to be begun.
  Work sum(at::Tensor flat);

 private:
  class Started;

  Work begin_or_throw(const Activity& activity, const Begin& begin);
  /// Throws PeerError when another rank is about to begin something else.
  void compare(const Activity& activity);
  void wait_for(const Activity& activity, const Work& work);
  /// Whether all that was started has ended.
  bool is_idle() const;

  const std::shared_ptr<ConnectedRanks> ranks_;
  const std::string name_;
  c10::intrusive_ptr<c10d::Backend> backend_;
  std::unique_ptr<Watch> watch_;
  std::vector<Work> started_;
  int64_t sequence_ = 0;
  int64_t compared_ = 0;
};

}  // namespace nearfar
