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
  EpochLoop(const ResolvedRun& run, const RunFolder& folder, Training& training, Group& group,
            ProgressBar& progress, Log& log);

  /// Goes on from a checkpoint; with none, from the start.
  void restore(const std::optional<Generation>& generation);
  /// Trains. Returns the signal that stopped it, or 0 at the end.
  int run();
  /// encoder.safetensors as it stands.
  std::vector<uint8_t> encoder_bytes() const;

  const RunLog& run_log() const { return run_log_; }

 private:
  int run_epochs();
  void begin_epoch(int64_t epoch, int64_t first_step);
  void take_step();
  std::vector<LogNumber> judge_online();
  void save();
  bool save_is_due() const;
  void remember(const ViewBatch& batch);
  std::string last_good_checkpoint() const;
  std::string leave_replay(const std::string& what);
  Json state() const;
  void restore_skipped(const Json& list);
  void check_order(const std::vector<int64_t>& order, size_t length) const;

  const ResolvedRun& run_;
  RunFolder folder_;
  Training& training_;
  Group& group_;
  Log& log_;
  RunLog run_log_;
  ViewLoader loader_;
  OnlineEvaluation online_;
  StopSignals signals_;

  std::vector<int64_t> order_;         // of the current epoch
  std::vector<int64_t> recipe_order_;  // of the current epoch, where the recipe replaced it
  bool order_restored_ = false;
  std::deque<StepImages> latest_;  // of the last steps: a flag may be read some steps late
  int64_t saved_step_ = -1;
};

}  // namespace nearfar
