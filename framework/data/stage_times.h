// What the stages of making views cost, and what follows from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/data/spread.h"

namespace nearfar {

/// One stage on one thread.
struct StageTime {
  std::string name;
  Spread seconds;      // for one image with all its views
  double share = 0.0;  // of all stages' medians; they sum to 1
};

struct BenchmarkPlan {
  double seconds = 5.0;  // about this long, however slow the machine: at least one round
  int rounds = 5;        // stages take turns in every round, so that a slow moment hits all alike
  int threads = 1;       // beside one thread
};

/// Told the share of the measuring that is done.
using Tick = std::function<void(double done)>;

/// Stages with their medians over rounds: seconds[stage][round].
std::vector<StageTime> stage_times(const std::vector<std::string>& names,
                                   const std::vector<std::vector<double>>& seconds);

/// The stage that takes most. Precondition: not empty.
const StageTime& slowest(const std::vector<StageTime>& stages);

}  // namespace nearfar
