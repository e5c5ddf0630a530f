// Starts all ranks, and all of them again where that may help.
#include "tools/nearfar/launch_ranks.h"

#include "tools/nearfar/launch_attempt.h"

namespace nearfar {
namespace {

std::string headline(const LaunchPlan& plan, const Verdict& verdict) {
  return "rank " + std::to_string(verdict.rank) + " of " + std::to_string(plan.ranks) + " " +
         verdict.what;
}

void show_last_lines(const Verdict& verdict, Log& log) {
  if (verdict.last_lines.size() < 2) return;  // the error says it all
  std::string text = "the last lines of rank " + std::to_string(verdict.rank) + ":";
  for (const std::string& line : verdict.last_lines) text += "\n    " + line;
  log.warning(text);
}

}  // namespace

int launch_ranks(const LaunchPlan& plan, LaunchSignals& signals, Log& log) {
  for (int attempt = 0;; ++attempt) {
    LaunchAttempt ranks(plan, attempt, signals, log);
    const Verdict verdict = ranks.run();
    if (verdict.rank < 0) return verdict.exit_code;
    show_last_lines(verdict, log);
    if (attempt == plan.max_restarts || !verdict.worth_restart) {
      const bool used_up = verdict.worth_restart && plan.max_restarts > 0;
      log.error(headline(plan, verdict) +
                (used_up ? "; no restart is left of " + std::to_string(plan.max_restarts) : ""));
      return verdict.exit_code;
    }
    log.warning(headline(plan, verdict) + "; starting all ranks again: restart " +
                std::to_string(attempt + 1) + " of " + std::to_string(plan.max_restarts));
  }
}

}  // namespace nearfar
