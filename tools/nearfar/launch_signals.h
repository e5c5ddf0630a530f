// Signals as something to wait for beside the output of ranks.
#pragma once

#include <signal.h>

#include <vector>

#include "tools/nearfar/launch_process.h"

namespace nearfar {

/// Holds back the signals of a launcher while it lives, in this thread and in those that it starts,
/// and lets them be read.
class LaunchSignals {
 public:
  LaunchSignals();
  ~LaunchSignals();
  LaunchSignals(const LaunchSignals&) = delete;
  LaunchSignals& operator=(const LaunchSignals&) = delete;

  /// To poll: readable when there is a signal.
  int descriptor() const { return descriptor_.number(); }
  /// Those that have come, each once however often it came meanwhile.
  std::vector<int> take();

 private:
  sigset_t before_;
  struct sigaction pipe_before_ = {};
  Descriptor descriptor_;
};

}  // namespace nearfar
