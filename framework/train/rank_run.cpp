// A rank's part of a run.
#include "framework/train/rank_run.h"

#include <filesystem>

#include "distributed/counting_group.h"
#include "framework/data/contact_sheet.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/agreement.h"
#include "framework/train/curves.h"
#include "framework/train/epoch_loop.h"
#include "framework/train/fit_device.h"
#include "framework/train/plan.h"
#include "framework/train/run_words.h"

namespace nearfar {
namespace {

Json resolved_json(ResolvedRun& run) {
  return to_json([&run](Fields& field) { run.config.describe(field); });
}

/// Where each setting comes from that is not a default, by key.
Json origins_of(ResolvedRun& run) {
  Json origins = Json::object();
  for (const KeyInfo& key : list_keys([&run](Fields& field) { run.config.describe(field); })) {
    const std::string origin = run.settings.origin(key.key);
    if (origin != "default") origins[key.key] = origin;
  }
  return origins;
}

/// environment.json of a run that begins.
Json described_start(ResolvedRun& run, const RankPlan& plan) {
  Json environment = describe_environment(plan.command_line);
  environment["ranks"] = plan.placement.ranks;
  if (!plan.placement.source.empty()) environment["started_by"] = plan.placement.source;
  environment["origins"] = origins_of(run);
  return environment;
}

void write_json(const std::string& path, const Json& value) {
  const std::string text = to_text(value) + "\n";
  replace_file(real_file_system(), path, text.data(), text.size());
}

/// views.png: what the recipe sees. Training does not depend on it, so trouble is a warning.
void draw_views(const ResolvedRun& run, const RunFolder& folder, Recipe& recipe, Log& log) {
  constexpr int64_t kRows = 8;
  try {
    const Dataset& data = *run.data.train;
    const std::vector<ViewPolicy> views = recipe.views();
    SheetOptions options = sheet_options(run);
    options.repeats = usual_repeats(views.size());
    const ContactSheet sheet =
        contact_sheet(data, spread_indices(data.info().size, kRows), views, options);
    const std::vector<uint8_t> bytes = encode_png(sheet.canvas);
    replace_file(real_file_system(), folder.views(), bytes.data(), bytes.size());
  } catch (const Error& error) {
    log.warning(std::string("views.png is not drawn: ") + error.what());
  }
}

/// A rank that is hosted beside others says what went wrong, and nothing else.
Log::Sink warnings_of(int rank, Log& log) {
  return [rank, &log](Level level, const std::string& message) {
    if (level >= Level::warning) log.write(level, "shard " + std::to_string(rank) + ": " + message);
  };
}

class RankRun {
 public:
  RankRun(ResolvedRun run, const RankPlan& plan, Group& group, const StopSignals& signals,
          ProgressBar& progress, Log& log)
      : run_(std::move(run)),
        plan_(plan),
        group_(group),
        signals_(signals),
        progress_(progress),
        log_(log) {}

  PretrainResult train() {
    settle_fit();
    Training& training = *training_;
    // Everything that can be refused has been by now: only a run that starts leaves a folder.
    std::optional<RunLock> lock;
    if (leads()) {
      real_file_system().make_directories(folder().checkpoints());
      lock.emplace(folder());
      if (!plan_.continues) write_json(folder().environment(), described_start(run_, plan_));
      write_json(folder().config(), resolved_json(run_));
    }
    const StartPoint start = agreed_start(group_, folder(), training.plan().steps, log_);
    if (start.finished) {
      return {folder(), start.generation->step, training.plan().steps, /*already_finished=*/true};
    }
    return train_from(start.generation);
  }

 private:
  bool leads() const { return group_.rank() == 0; }
  const RunFolder& folder() const { return plan_.folder; }

  std::unique_ptr<Training> training_over(Group& group) const {
    return std::make_unique<Training>(run_.config, run_.data.train->info(), plan_of(run_, group),
                                      group, plan_.device);
  }

  /// Builds the networks once precision and micro-batch are known.
  void settle_fit() {
    TrainConfig& train = run_.config.train;
    CountingGroup alike(group_.size(), group_.rank(), std::make_shared<CollectiveCounter>());
    if (measures_device(train)) {
      const DeviceFit fit = fit_device(run_.config, *training_over(alike), group_, log_);
      train.precision = fit.precision;
      train.micro_batch = fit.micro_batch;
    }
    training_ = training_over(group_);
  }

  PretrainResult train_from(const std::optional<Generation>& generation) {
    if (leads()) {
      say_plan(run_, *training_, folder(), log_);
      if (!std::filesystem::exists(folder().views())) {
        draw_views(run_, folder(), training_->recipe(), log_);
      }
    }
    EpochLoop loop(run_, folder(), *training_, group_, signals_, progress_, log_);
    loop.restore(generation);
    if (generation) log_.info("continuing after step " + format_count(generation->step));
    const bool stopped = loop.run();
    if (leads()) {
      draw_curves(folder());
      if (!stopped) {
        const std::vector<uint8_t> bytes = loop.encoder_bytes();
        replace_file(real_file_system(), folder().encoder(), bytes.data(), bytes.size());
      }
    }
    return result_of(loop, stopped);
  }

  PretrainResult result_of(const EpochLoop& loop, bool stopped) const {
    PretrainResult result;
    result.folder = folder();
    result.step = training_->step();
    result.total_steps = training_->plan().steps;
    result.stopped = stopped;
    if (const RunLog* run_log = loop.run_log()) {
      result.loss = run_log->last_loss();
      result.images_per_second = run_log->images_per_second();
    }
    return result;
  }

  ResolvedRun run_;
  const RankPlan& plan_;
  Group& group_;
  const StopSignals& signals_;
  ProgressBar& progress_;
  Log& log_;
  std::unique_ptr<Training> training_;
};

}  // namespace

PretrainResult train_as_rank(ResolvedRun run, const RankPlan& plan, Group& group,
                             const StopSignals& signals, ProgressBar& progress, Log& log) {
  const bool speaks = group.rank() == 0 || group.size() == plan.placement.ranks;
  if (speaks) {
    return RankRun(std::move(run), plan, group, signals, progress, log).train();
  }
  Log warnings(warnings_of(group.rank(), log));
  return RankRun(std::move(run), plan, group, signals, progress, warnings).train();
}

}  // namespace nearfar
