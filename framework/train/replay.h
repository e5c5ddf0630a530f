// Does a step again that was not finite, and says where its first such value comes from.
#pragma once

#include <string>
#include <vector>

#include "framework/train/configure.h"

namespace nearfar {

struct ReplayResult {
  bool reproduced = false;  // the state, the loss or the gradient is not finite again
  int64_t step = 0;         // as replay.json has it
  double loss = 0.0;
  double gradient_norm = 0.0;
  std::vector<std::string> findings;  // in plain words, in the order of the step
};

/// Rebuilds recipe, state and batch of RUN/diverged/step-N/replay.json (the same images, views and
/// random choices), and runs embed, loss and backward; nothing is updated or written. `sources` go
/// over the saved config (another data.path, device=cpu, ...). Throws ConfigError, DataError where
/// the data set is another one, CheckpointError.
ReplayResult replay(const std::string& file, const RunSources& sources, Log& log);

}  // namespace nearfar
