// The loop of a run over epochs and steps, with its log, its checkpoints and its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/data/loader.h"
#include "framework/log/json_lines.h"
#include "framework/log/progress_bar.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"
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

  double last_loss() const { return last_loss_; }
  double images_per_second() const { return images_per_second_; }

 private:
  using Clock = std::chrono::steady_clock;

  int run_epochs();
  void begin_epoch(int64_t epoch, int64_t first_step);
  StepReport take_step();
  void note(const StepReport& report);
  void write_line(const StepReport& report);
  void show_progress();
  void save();
  bool save_is_due() const;
  std::string last_good_checkpoint() const;
  Json state() const;
  void restore_skipped(const Json& list);
  void check_order(const std::vector<int64_t>& order, size_t length) const;

  const ResolvedRun& run_;
  RunFolder folder_;
  Training& training_;
  Group& group_;
  ProgressBar& progress_;
  Log& log_;
  ViewLoader loader_;
  std::optional<JsonLines> lines_;
  StopSignals signals_;

  std::vector<int64_t> recipe_order_;  // of the current epoch, where the recipe replaced it
  bool order_restored_ = false;
  int64_t saved_step_ = -1;
  double last_loss_ = 0.0;
  double last_random_guess_ = 0.0;
  double images_per_second_ = 0.0;
  double data_wait_fraction_ = 0.0;
  Clock::time_point started_ = Clock::now();
  Clock::time_point interval_started_ = Clock::now();
  double interval_wait_ = 0.0;
  int64_t interval_images_ = 0;
  int64_t steps_here_ = 0;
};

}  // namespace nearfar
