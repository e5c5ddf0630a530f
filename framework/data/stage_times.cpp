// Shares of stages.
#include "framework/data/stage_times.h"

#include <algorithm>

namespace nearfar {

std::vector<StageTime> stage_times(const std::vector<std::string>& names,
                                   const std::vector<std::vector<double>>& seconds) {
  std::vector<StageTime> stages;
  double total = 0.0;
  for (size_t i = 0; i < names.size(); ++i) {
    stages.push_back({names[i], spread_of(seconds[i]), 0.0});
    total += stages.back().seconds.median;
  }
  for (StageTime& stage : stages) stage.share = total > 0.0 ? stage.seconds.median / total : 0.0;
  return stages;
}

const StageTime& slowest(const std::vector<StageTime>& stages) {
  return *std::max_element(
      stages.begin(), stages.end(),
      [](const StageTime& a, const StageTime& b) { return a.seconds.median < b.seconds.median; });
}

}  // namespace nearfar
