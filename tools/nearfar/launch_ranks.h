// Runs a program as several ranks on this host and sees them to their end.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "framework/log/log.h"
#include "tools/nearfar/launch_signals.h"

namespace nearfar {

struct LaunchPlan {
  std::vector<std::string> command;  // the program and its arguments, the same for all ranks
  int ranks = 1;
  int max_restarts = 0;
  /// NAME=value: how a rank learns its place.
  std::function<std::string(int rank, int attempt)> variable;
  /// Called when a rank is found to have failed, before the others are ended.
  std::function<void(int rank, int attempt, const std::string& what)> on_failure;
  int input = -1;  // a file for every rank's stdin; -1: nothing to read
  /// Until a rank is asked to end after another one failed, and until it is killed then: longer
  /// than ranks take to find out who failed.
  std::chrono::milliseconds grace = std::chrono::seconds(10);
  std::chrono::milliseconds patience = std::chrono::seconds(5);
};

/// Rank 0's stdout becomes this program's; all else goes to stderr line by line, by rank. Passes on
/// SIGTERM, SIGINT and SIGUSR1; the second of the first two kills. When a rank fails all are ended,
/// and started again while restarts are left and may help. Returns the exit code: of the rank that
/// failed first (128 + signal), 75 where they stopped and saved, or 0. No process is left behind.
int launch_ranks(const LaunchPlan& plan, LaunchSignals& signals, Log& log);

}  // namespace nearfar
