// One rank of a pretraining run, from its networks to its last step.
#pragma once

#include <string>

#include "framework/train/pretrain.h"
#include "framework/train/signals.h"

namespace nearfar {

/// What the ranks of a process have in common.
struct RankPlan {
  RunFolder folder;
  bool continues = false;    // the folder held a run before
  std::string command_line;  // for environment.json
  Placement placement;       // of the process
  at::Device device = at::kCPU;
};

/// Trains as a rank of `group`: the processes of the run, or the ranks that they host. Rank 0
/// writes the run's folder and draws the bar; of hosted ranks other than rank 0, `log` gets
/// warnings alone. `run` is the same on all ranks. A collective.
PretrainResult train_as_rank(ResolvedRun run, const RankPlan& plan, Group& group,
                             const StopSignals& signals, ProgressBar& progress, Log& log);

}  // namespace nearfar
