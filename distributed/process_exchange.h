// The collectives of the ranks of all processes, out of collectives between the processes.
#pragma once

#include <memory>

#include "distributed/contribution.h"
#include "distributed/group.h"

namespace nearfar {

/// This process among those that host the ranks of a run: ranks [first, first + count) of `ranks`.
class ProcessExchange {
 public:
  /// Throws std::invalid_argument unless `ranks` is a multiple of the processes.
  ProcessExchange(std::shared_ptr<Group> processes, int ranks);

  Group& processes() { return *processes_; }
  int first() const { return processes_->rank() * count_; }
  int count() const { return count_; }
  int ranks() const { return ranks_; }

  /// What the collective gives, from what every rank of this process brought; for sum_scatter the
  /// sum of all rows; nothing for a collective without a tensor. Shares no memory with
  /// contributions unless there is one rank alone. Throws std::invalid_argument in all processes
  /// where contributions do not fit together, PeerError where a process is gone or its ranks have
  /// returned.
  at::Tensor perform(const std::vector<Contribution>& contributions);

  /// The ranks of this process have returned; waits for those of the others. Throws PeerError when
  /// these go on with collectives instead.
  void end();

 private:
  /// `refusal`: why this process cannot go on; empty where it can.
  void agree(const std::string& terms, const std::string& refusal);
  void agree(const std::vector<Contribution>& contributions);
  at::Tensor gather(const std::vector<Contribution>& contributions);
  at::Tensor sum(const std::vector<Contribution>& contributions);
  at::Tensor broadcast(const std::vector<Contribution>& contributions);

  std::shared_ptr<Group> processes_;
  int count_;
  int ranks_;
};

}  // namespace nearfar
