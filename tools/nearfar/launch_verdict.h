// How a launch of ranks ended: which rank is the cause, what to say, and whether to start again.
#pragma once

#include <string>
#include <vector>

namespace nearfar {

/// The end of one rank.
struct RankEnd {
  int rank = 0;
  int code = 0;          // exit code
  int signal = 0;        // that killed it, or 0
  bool ordered = false;  // killed by the launcher, after another one had failed
  bool stopped = false;  // by SIGSTOP or the like, when the launcher killed it
  std::vector<std::string> last_lines;
};

struct Verdict {
  int exit_code = 0;
  int rank = -1;               // the cause; -1: nobody has failed
  std::string what;            // "was killed by signal 9 (SIGKILL)"
  bool worth_restart = false;  // starting over may help
  std::vector<std::string> last_lines;
};

/// Neither done nor stopped and saved, and not by the launcher's order.
bool has_failed(const RankEnd& end);

/// May have failed only because another rank did.
bool blames_others(const RankEnd& end);

/// Judges ends in the order in which they came. `stop_signal`: what the launcher was asked to stop
/// with and passed on, or 0. A rank that says that another one failed (exit code 4) is no cause
/// where a rank failed by itself.
Verdict judge(const std::vector<RankEnd>& ends, int stop_signal);

/// "was killed by signal 9 (SIGKILL)", "ended with exit code 3: data.path: ...".
std::string describe(const RankEnd& end);

/// "9 (SIGKILL)".
std::string signal_name(int signal);

}  // namespace nearfar
