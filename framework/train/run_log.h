// What a run tells while it trains: lines of log.jsonl, TensorBoard's event files, the bar, and
// warnings when it does not learn.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "framework/log/json_lines.h"
#include "framework/log/progress_bar.h"
#include "framework/train/collapse_watch.h"
#include "framework/train/configure.h"
#include "framework/train/run_events.h"
#include "framework/train/run_folder.h"
#include "framework/train/training.h"

namespace nearfar {

/// A number of the log: `name` in log.jsonl, `group`/`name` in the event files.
struct LogNumber {
  std::string group;
  std::string name;
  double value = 0.0;
};

/// Reads a step's embeddings, loss and gradient norm only where a line is due: every
/// train.log_every steps, at the first step, at the last, and where others measured something.
class RunLog {
 public:
  RunLog(const ResolvedRun& run, const RunFolder& folder, const TrainPlan& plan,
         ProgressBar& progress, Log& log);

  /// Cuts log.jsonl and the event files back to `step` (0: a new run) and opens them.
  void open(int64_t step);
  /// The clock of the rates starts.
  void start();
  /// Seconds that the last step waited for data.
  void waited(double seconds) { interval_wait_ += seconds; }
  /// Seconds spent on what is no training (a save, an evaluation): no rate counts them.
  void leave_out(double seconds);
  /// A step is done, `step` of them in all, on `images` images over all ranks. `also`: what others
  /// measured at this step, which gets a line then whether one is due or not.
  void note(const StepReport& report, int64_t step, int64_t images, Recipe& recipe,
            const std::vector<LogNumber>& also = {});
  /// The run ended here; the last bar stays.
  void finish(int64_t step, bool success);

  /// Of the last step that was noted; 0 where none was: a run that had only its result to write.
  double last_loss() const;
  double images_per_second() const { return images_per_second_; }

 private:
  using Clock = std::chrono::steady_clock;

  std::vector<LogNumber> numbers_of(const StepReport& report, const SignsOfLife& signs) const;
  void note_line(const StepReport& report, int64_t step, const Recipe& recipe,
                 const std::vector<LogNumber>& also);
  void append(const std::vector<LogNumber>& numbers, int64_t step, const std::string& warning);
  void show_progress(int64_t step);

  const ResolvedRun& run_;
  RunFolder folder_;
  TrainPlan plan_;
  ProgressBar& progress_;
  Log& log_;
  std::optional<JsonLines> lines_;
  std::optional<RunEvents> events_;
  CollapseWatch watch_;

  std::optional<StepReport> last_;
  double shown_loss_ = 0.0;
  SignsOfLife shown_signs_;
  double images_per_second_ = 0.0;
  double data_wait_fraction_ = 0.0;
  Clock::time_point started_ = Clock::now();
  Clock::time_point interval_started_ = Clock::now();
  double interval_wait_ = 0.0;
  int64_t interval_images_ = 0;
  int64_t steps_here_ = 0;
};

}  // namespace nearfar
