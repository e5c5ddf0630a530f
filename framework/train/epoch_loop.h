// The loop of a run over epochs and steps, with its log, its checkpoints and its end.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "framework/data/loader.h"
#include "framework/train/configure.h"
#include "framework/train/divergence.h"
#include "framework/train/online_evaluation.h"
#include "framework/train/run_folder.h"
#include "framework/train/run_log.h"
#include "framework/train/signals.h"
#include "framework/train/training.h"

namespace nearfar {

/// Drives a Training from where it stands to its end, or to a signal.
class EpochLoop {
 public:
  /// Rank 0 alone logs, judges and saves. `signals` are those of this process.
  EpochLoop(const ResolvedRun& run, const RunFolder& folder, Training& training, Group& group,
            const StopSignals& signals, ProgressBar& progress, Log& log);

  /// Goes on from a checkpoint; with none, from the start.
  void restore(const std::optional<Generation>& generation);
  /// Trains. Returns whether a signal to some rank stopped it before the end.
  bool run();
  /// encoder.safetensors as it stands.
  std::vector<uint8_t> encoder_bytes() const;
  /// Null on ranks that do not log.
  const RunLog* run_log() const { return run_log_ ? &*run_log_ : nullptr; }

 private:
  bool run_epochs();
  void begin_epoch(int64_t epoch, int64_t first_step);
  void take_step();
  std::vector<LogNumber> judge_online();
  void save();
  void write_generation(const Json& state, const NamedTensors& whole_state);
  bool save_is_due() const;
  bool leads() const { return group_.rank() == 0; }
  void meet();
  void remember(const ViewBatch& batch);
  std::string last_good_checkpoint() const;
  std::string leave_replay(const std::string& what);
  Json state();
  Json skipped_on_all_ranks();
  void restore_skipped(const Json& list);
  StepImages on_all_ranks(const StepImages& mine);
  void check_order(const std::vector<int64_t>& order, size_t length) const;

  const ResolvedRun& run_;
  RunFolder folder_;
  Training& training_;
  Group& group_;
  Log& log_;
  const StopSignals& signals_;
  std::optional<RunLog> run_log_;  // of rank 0
  ViewLoader loader_;
  std::optional<OnlineEvaluation> online_;  // of rank 0

  std::vector<int64_t> order_;         // of the current epoch
  std::vector<int64_t> recipe_order_;  // of the current epoch, where the recipe replaced it
  bool order_restored_ = false;
  std::deque<StepImages> latest_;  // of the last steps, this rank's: a flag may be read late
  int64_t saved_step_ = -1;
};

}  // namespace nearfar
