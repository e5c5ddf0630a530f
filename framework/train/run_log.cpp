// Lines, bar and warnings.
#include "framework/train/run_log.h"

#include <algorithm>

#include "framework/log/clock.h"
#include "framework/train/signs_of_life.h"

namespace nearfar {
namespace {

std::chrono::steady_clock::duration duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

RunLog::RunLog(const ResolvedRun& run, const RunFolder& folder, const TrainPlan& plan,
               ProgressBar& progress, Log& log)
    : run_(run), folder_(folder), plan_(plan), progress_(progress), log_(log) {}

void RunLog::open(int64_t step) {
  truncate_after_step(folder_.log(), step);
  watch_ = CollapseWatch(step);
  lines_.emplace(folder_.log());
  if (run_.config.train.tensorboard) events_.emplace(run_, folder_, plan_, step);
}

void RunLog::start() { started_ = interval_started_ = Clock::now(); }

void RunLog::leave_out(double seconds) {
  started_ += duration(seconds);
  interval_started_ += duration(seconds);
}

void RunLog::note(const StepReport& report, int64_t step, int64_t images, Recipe& recipe,
                  const std::vector<LogNumber>& also) {
  last_ = report;
  ++steps_here_;
  interval_images_ += images;
  const auto noted = Clock::now();
  const bool due =
      step % run_.config.train.log_every == 0 || step == plan_.steps || step == 1 || !also.empty();
  if (due) {
    const double seconds = std::max(seconds_since(interval_started_), 1e-9);
    images_per_second_ = static_cast<double>(interval_images_) / seconds;
    data_wait_fraction_ = interval_wait_ / seconds;
    note_line(report, step, recipe, also);
    interval_started_ = noted;
    interval_wait_ = 0.0;
    interval_images_ = 0;
  }
  if (events_) events_->histograms(report, recipe, step);
  show_progress(step);
}

std::vector<LogNumber> RunLog::numbers_of(const StepReport& report,
                                          const SignsOfLife& signs) const {
  std::vector<LogNumber> numbers = {
      {"train", "loss", report.loss()},
      {"train", "random_guess_loss", report.random_guess_loss},
      {"train", "learning_rate", report.learning_rate},
      {"speed", "images_per_second", images_per_second_},
      {"speed", "data_wait_fraction", data_wait_fraction_},
      {"train", "grad_norm", report.gradient_norm()},
      {"embedding", "embedding_std", signs.embedding_std},
      {"embedding", "effective_rank", signs.effective_rank},
  };
  const auto add = [&numbers](const char* name, const std::optional<double>& value) {
    if (value) numbers.push_back({"embedding", name, *value});
  };
  add("positive_similarity", signs.positive_similarity);
  add("negative_similarity", signs.negative_similarity);
  add("alignment", signs.alignment);
  add("uniformity", signs.uniformity);
  for (const auto& [name, value] : report.report) {
    numbers.push_back({"recipe", name, value.item<double>()});
  }
  return numbers;
}

void RunLog::note_line(const StepReport& report, int64_t step, const Recipe& recipe,
                       const std::vector<LogNumber>& also) {
  const SignsOfLife signs = signs_of_life(in_order(report.embeddings, recipe));
  std::vector<LogNumber> numbers = numbers_of(report, signs);
  numbers.insert(numbers.end(), also.begin(), also.end());
  shown_loss_ = report.loss();
  shown_signs_ = signs;
  const at::Tensor& rows = report.embeddings.front();
  const int64_t largest_rank =
      std::min(rows.size(0), rows.numel() / std::max<int64_t>(rows.size(0), 1));
  const std::string warning =
      watch_.look({step, shown_loss_, report.random_guess_loss, signs, largest_rank});
  if (!warning.empty()) log_.warning("step " + std::to_string(step) + ": " + warning);
  append(numbers, step, warning);
}

void RunLog::append(const std::vector<LogNumber>& numbers, int64_t step,
                    const std::string& warning) {
  Json line = Json::object();
  line["step"] = step;
  line["epoch"] = static_cast<double>(step) / static_cast<double>(plan_.steps_per_epoch);
  Scalars scalars;
  for (const LogNumber& number : numbers) {
    line[number.name] = number.value;
    scalars.emplace_back(number.group + "/" + number.name, number.value);
  }
  if (!warning.empty()) line["warning"] = warning;
  line["time"] = unix_time();
  lines_->append(line);
  if (!events_) return;
  events_->scalars(scalars, step);
  if (!warning.empty()) events_->warning(warning, step);
}

void RunLog::show_progress(int64_t step) {
  Progress state;
  state.step = step;
  state.total_steps = plan_.steps;
  state.epoch = std::min(step / plan_.steps_per_epoch + 1, plan_.epochs);
  state.epochs = plan_.epochs;
  state.images_per_second = images_per_second_;
  state.loss = shown_loss_;
  state.random_guess_loss = last_->random_guess_loss;
  state.data_wait_fraction = data_wait_fraction_;
  state.embedding_std = shown_signs_.embedding_std;
  state.effective_rank = shown_signs_.effective_rank;
  state.seconds_left = seconds_since(started_) /
                       static_cast<double>(std::max<int64_t>(steps_here_, 1)) *
                       static_cast<double>(plan_.steps - step);
  progress_.update(state);
}

void RunLog::finish(int64_t step, bool success) {
  if (events_) events_->end(step, success);
  if (success) progress_.finish();
}

double RunLog::last_loss() const { return last_ ? last_->loss() : 0.0; }

}  // namespace nearfar
