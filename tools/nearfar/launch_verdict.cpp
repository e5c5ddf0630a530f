// Decides by exit codes (framework/error.h) and the order of ends.
#include "tools/nearfar/launch_verdict.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "framework/error.h"

namespace nearfar {
namespace {

constexpr int kDone = static_cast<int>(ExitCode::done);
constexpr int kStopped = static_cast<int>(ExitCode::stopped);
constexpr int kEnvironment = static_cast<int>(ExitCode::environment);

// What the user must mend, or what would happen again.
constexpr std::array kHopeless = {ExitCode::config, ExitCode::data, ExitCode::diverged,
                                  ExitCode::checkpoint, ExitCode::plugin};

bool hopeless(const RankEnd& end) {
  return end.signal == 0 && std::any_of(kHopeless.begin(), kHopeless.end(), [&](ExitCode code) {
           return end.code == static_cast<int>(code);
         });
}

/// Nobody has failed by himself: the one that had to be killed because it was stopped, or the first
/// that complained.
const RankEnd* find_cause(const std::vector<RankEnd>& ends) {
  const RankEnd* complaint = nullptr;
  for (const RankEnd& end : ends) {
    if (has_failed(end) && !blames_others(end)) return &end;
    if (has_failed(end) && complaint == nullptr) complaint = &end;
  }
  if (complaint == nullptr) return nullptr;
  for (const RankEnd& end : ends) {
    if (end.stopped) return &end;
  }
  return complaint;
}

int exit_code_of(const RankEnd& cause) {
  if (cause.stopped) return kEnvironment;
  return cause.signal != 0 ? 128 + cause.signal : cause.code;
}

}  // namespace

bool has_failed(const RankEnd& end) {
  return !end.ordered && (end.signal != 0 || (end.code != kDone && end.code != kStopped));
}

bool blames_others(const RankEnd& end) { return end.signal == 0 && end.code == kEnvironment; }

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return std::to_string(signal) + (name == nullptr ? "" : " (SIG" + std::string(name) + ")");
}

std::string describe(const RankEnd& end) {
  if (end.stopped) return "was stopped, did not go on, and was killed by nearfar launch";
  if (end.signal != 0) return "was killed by signal " + signal_name(end.signal);
  std::string text = "ended with exit code " + std::to_string(end.code);
  constexpr std::string_view kError = "error: ";
  for (auto line = end.last_lines.rbegin(); line != end.last_lines.rend(); ++line) {
    const size_t error = line->find(kError);
    if (error != std::string::npos) return text + ": " + line->substr(error + kError.size());
  }
  return text;
}

Verdict judge(const std::vector<RankEnd>& ends, int stop_signal) {
  Verdict verdict;
  const RankEnd* cause = find_cause(ends);
  if (cause == nullptr) {
    for (const RankEnd& end : ends) {
      if (end.signal != 0) verdict.exit_code = 128 + stop_signal;  // the second signal killed it
      if (end.code == kStopped && verdict.exit_code == kDone) verdict.exit_code = kStopped;
    }
    return verdict;
  }
  verdict.exit_code = exit_code_of(*cause);
  const bool as_asked = stop_signal != 0 && verdict.exit_code == 128 + stop_signal;
  if (as_asked) return verdict;
  verdict.rank = cause->rank;
  verdict.what = describe(*cause);
  verdict.last_lines = cause->last_lines;
  verdict.worth_restart = stop_signal == 0 && !hopeless(*cause);
  return verdict;
}

}  // namespace nearfar
