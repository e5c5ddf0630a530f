// What the ranks tell each other at each step: one small sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "distributed/group.h"

namespace nearfar {

/// What one rank brings to a step.
struct StepVote {
  at::Tensor loss;  // 0-d
  bool wants_to_stop = false;
  std::vector<bool> unused;  // by parameter; as long on every rank
};

/// The same over all ranks, on their device.
struct StepTally {
  at::Tensor loss;   // 0-d, of the loss's type: the mean over ranks
  at::Tensor votes;  // [1 + parameters] float64: ranks that want to stop, that leave one unused
};

/// A collective of 8 (2 + parameters) bytes. The host does not wait for the device.
StepTally tally(Group& group, const StepVote& vote);

/// Throws ConfigError naming the parameters that `votes` (on the host) say are unused. `step`
/// counts from 1.
void refuse_unused(const std::vector<double>& votes, const std::vector<std::string>& parameters,
                   int64_t step, int ranks);

}  // namespace nearfar
