// Judges a run's encoder while it trains, without changing what is trained by one bit.
#include "framework/train/online_evaluation.h"

#include <torch/types.h>

#include <algorithm>
#include <exception>

#include "framework/data/subset.h"
#include "framework/error.h"
#include "framework/evaluate/report.h"
#include "framework/first_line.h"
#include "framework/log/clock.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

OnlineSplit split_of(const EvaluationConfig& config, const Dataset& train) {
  return online_split(labels_of(train), static_cast<int64_t>(train.info().class_names.size()),
                      config.online, static_cast<uint64_t>(config.seed));
}

std::vector<int64_t> both(const OnlineSplit& split) {
  const at::Tensor all = at::cat({split.learned, split.judged});
  return {all.data_ptr<int64_t>(), all.data_ptr<int64_t>() + all.numel()};
}

}  // namespace

bool judging_is_due(const EvaluationConfig& config, int64_t step, const TrainPlan& plan) {
  if (config.every == 0) return false;
  return step % (config.every * plan.steps_per_epoch) == 0 || step == plan.steps;
}

void check_online_evaluation(const RunConfig& config, const Dataset& train) {
  if (config.evaluate.every == 0) return;
  const std::string where = "evaluate.every: " + train.info().path + " ";
  if (train.info().class_names.size() < 2) {
    throw ConfigError(where +
                      "has no labels to judge by while training; expected at least two "
                      "classes, or evaluate.every=0");
  }
  if (split_of(config.evaluate, train).judged.numel() == 0) {
    throw ConfigError(where +
                      "has too few labelled images to hold some out; expected at least "
                      "two, or evaluate.every=0");
  }
}

OnlineEvaluation::OnlineEvaluation(const ResolvedRun& run, int64_t image_size, Log& log)
    : run_(run), log_(log) {
  if (run.config.evaluate.every == 0) return;
  options_.image_size = image_size;
  options_.normalize = run.normalize;
  options_.workers = static_cast<int>(run.config.data.workers);
  options_.leave_out_bad_images = run.config.data.on_bad_image == "skip";
  const OnlineSplit split = split_of(run.config.evaluate, *run.data.train);
  learned_ = split.learned.size(0);
  images_ = subset(run.data.train, both(split));
  log.info("online evaluation: " + format_count(split.judged.size(0)) +
           " training images are judged by the labels of " + format_count(learned_) +
           " others; the test set stays unseen");
}

/// Forgets the images that cannot be read. Whether there are too many of them is for the loader to
/// say, who sees the whole set.
Features OnlineEvaluation::features_of(Encoder& encoder) {
  Features all = extract_features(encoder, *images_, options_);
  if (all.bad.empty()) return all;
  const std::vector<int64_t>& kept = all.positions;
  const auto size = static_cast<int64_t>(kept.size());
  const int64_t learned = std::lower_bound(kept.begin(), kept.end(), learned_) - kept.begin();
  if (learned == 0 || learned == size) {
    throw DataError("expected readable images to learn from and to judge, found " +
                    std::to_string(learned) + " and " + std::to_string(size - learned));
  }
  learned_ = learned;
  log_.warning("online evaluation: " + format_count(static_cast<int64_t>(all.bad.size())) + " of " +
               format_count(images_->info().size) +
               " images are unreadable and left out; first: " + all.bad.begin()->second);
  images_ = subset(images_, kept);
  return all;
}

std::vector<std::pair<std::string, double>> OnlineEvaluation::judge(Encoder& encoder) {
  const Features all = features_of(encoder);
  const int64_t judged = all.label.size(0) - learned_;
  const EvaluationConfig& config = run_.config.evaluate;
  return judge_online(all.features.narrow(0, 0, learned_), all.label.narrow(0, 0, learned_),
                      all.features.narrow(0, learned_, judged),
                      all.label.narrow(0, learned_, judged),
                      static_cast<int64_t>(images_->info().class_names.size()), config.online,
                      config.linear, static_cast<uint64_t>(config.seed));
}

void OnlineEvaluation::say(const OnlineResult& result, int64_t step, const TrainPlan& plan) {
  std::string found;
  for (const auto& [name, value] : result.numbers) {
    found += (found.empty() ? "" : ", ") + name + " " + percent_text(value);
  }
  const double epochs = static_cast<double>(step) / static_cast<double>(plan.steps_per_epoch);
  log_.info("epoch " + format_fixed(epochs, step % plan.steps_per_epoch == 0 ? 0 : 2) + ": " +
            found + " (" + format_fixed(result.seconds, 1) + " s; " +
            percent_text(seconds_ / std::max(seconds_since(started_), 1e-9)) +
            " of the time so far)");
}

std::optional<OnlineResult> OnlineEvaluation::evaluate_if_due(Encoder& encoder, int64_t step,
                                                              const TrainPlan& plan) {
  if (!judging_is_due(run_.config.evaluate, step, plan)) return std::nullopt;
  const auto begin = std::chrono::steady_clock::now();
  OnlineResult result;
  try {
    for (auto& [method, top1] : judge(encoder)) {
      result.numbers.emplace_back("online_" + method, top1);
    }
  } catch (const std::exception& error) {
    // LibTorch's too: training goes on whatever judging ran into.
    log_.warning("online evaluation: " + first_line(error.what()));
    return std::nullopt;
  }
  result.seconds = seconds_since(begin);
  seconds_ += result.seconds;
  say(result, step, plan);
  result.numbers.emplace_back("online_seconds", result.seconds);
  return result;
}

}  // namespace nearfar
