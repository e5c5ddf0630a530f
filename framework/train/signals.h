// Signals that ask a run to stop: noticed at the end of a step.
#pragma once

namespace nearfar {

/// While it lives, SIGTERM, SIGINT and SIGUSR1 are noted; a second SIGTERM or SIGINT ends the
/// process at once with 128 + its number. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// The first signal received, or 0.
  int received() const;
};

}  // namespace nearfar
