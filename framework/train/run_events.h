// A run in TensorBoard: its numbers, views, histograms and settings.
#pragma once

#include <string>

#include "framework/log/event_file.h"
#include "framework/log/events.h"
#include "framework/train/configure.h"
#include "framework/train/run_folder.h"
#include "framework/train/training.h"

namespace nearfar {

/// RUN/tensorboard.
class RunEvents {
 public:
  /// Opens the folder for a run that goes on after `step`; a new one (0) writes its settings and
  /// views.png.
  RunEvents(const ResolvedRun& run, const RunFolder& folder, const TrainPlan& plan, int64_t step);

  void scalars(const Scalars& scalars, int64_t step);
  void warning(const std::string& text, int64_t step);
  /// Where an epoch ended, at most about 50 times in a run: the lengths and cosines of the
  /// embeddings, weights and gradients (at most 4,096 values of each).
  void histograms(const StepReport& report, Recipe& recipe, int64_t step);
  /// How the run ended.
  void end(int64_t step, bool success);

 private:
  EventFile file_;
  int64_t steps_between_;  // histograms
};

}  // namespace nearfar
