// Judges a run's encoder while it trains, without changing what is trained by one bit.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framework/evaluate/features.h"
#include "framework/evaluate/online.h"
#include "framework/train/configure.h"

namespace nearfar {

/// What one judging found.
struct OnlineResult {
  /// "online_knn", "online_linear": top-1; "online_seconds": what it took.
  std::vector<std::pair<std::string, double>> numbers;
  double seconds = 0.0;
};

/// Every evaluate.every epochs and at the end of the run the encoder, in evaluation mode, is judged
/// on a held-out part of the *training* images, whose labels pretraining does not see; the test set
/// stays unseen. Modes, running statistics, random streams and the loader of the run are left
/// alone.
class OnlineEvaluation {
 public:
  /// Does nothing, ever, when evaluate.every is 0. `run` and `log` must outlive the object.
  /// `image_size` is that of the encoder's input.
  OnlineEvaluation(const ResolvedRun& run, int64_t image_size, Log& log);

  /// After a step of the run: nothing unless judging is due. Under data.on_bad_image=skip
  /// unreadable images are left out, with a warning the first time; other trouble of any kind is a
  /// warning, and nothing is found.
  std::optional<OnlineResult> evaluate_if_due(Encoder& encoder, int64_t step,
                                              const TrainPlan& plan);

 private:
  std::vector<std::pair<std::string, double>> judge(Encoder& encoder);
  Features features_of(Encoder& encoder);
  void say(const OnlineResult& result, int64_t step, const TrainPlan& plan);

  const ResolvedRun& run_;
  Log& log_;
  FeatureOptions options_;
  std::shared_ptr<const Dataset> images_;  // the learned ones, then the judged ones; null: off
  int64_t learned_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  double seconds_ = 0.0;  // spent on judging since then
};

/// Whether a run judges after this step.
bool judging_is_due(const EvaluationConfig& config, int64_t step, const TrainPlan& plan);

/// Throws ConfigError when evaluate.every asks for a judging that these labels do not allow.
void check_online_evaluation(const RunConfig& config, const Dataset& train);

}  // namespace nearfar
