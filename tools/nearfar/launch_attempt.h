// One start of all ranks, from the first process to the last one's end.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tools/nearfar/launch_output.h"
#include "tools/nearfar/launch_process.h"
#include "tools/nearfar/launch_ranks.h"
#include "tools/nearfar/launch_signals.h"
#include "tools/nearfar/launch_verdict.h"

namespace nearfar {

class LaunchAttempt {
 public:
  LaunchAttempt(const LaunchPlan& plan, int attempt, LaunchSignals& signals, Log& log);
  /// Kills what still runs.
  ~LaunchAttempt();
  LaunchAttempt(const LaunchAttempt&) = delete;
  LaunchAttempt& operator=(const LaunchAttempt&) = delete;

  /// Starts the ranks and sees them to their end.
  Verdict run();
  /// The signal that asked to stop, or 0.
  int stop_signal() const { return stop_signal_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Stage { running, failing, ending, killing };

  struct Rank {
    RankProcess process;
    RankOutput errors;
    RankOutput output;  // of other ranks than 0
    bool alive = true;
    bool stopped = false;  // by SIGSTOP or the like
    bool ordered = false;  // to end, after another one failed
  };

  void start(int rank);
  bool anybody_alive() const;
  void wait();
  void read_from(int rank);
  void take_signals();
  void pass_on(int signal);
  void reap(int rank);
  void note_end(int rank, int status);
  void start_grace();
  void move_on();
  void end_survivors();
  void kill_all();
  std::string name(int rank) const;

  const LaunchPlan& plan_;
  const int attempt_;
  LaunchSignals& signals_;
  Log& log_;
  std::vector<Rank> ranks_;
  std::vector<RankEnd> ends_;
  Stage stage_ = Stage::running;
  std::optional<Clock::time_point> next_stage_;
  int stop_signal_ = 0;
};

}  // namespace nearfar
