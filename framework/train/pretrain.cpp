// Start, continue and finish of a pretraining run.
#include "framework/train/pretrain.h"

#include <ATen/Parallel.h>

#include <filesystem>

#include "framework/data/contact_sheet.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/curves.h"
#include "framework/train/device.h"
#include "framework/train/epoch_loop.h"
#include "framework/train/fit_device.h"
#include "framework/train/plan.h"
#include "framework/train/start_weights.h"

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
Json described_start(ResolvedRun& run, const std::string& command_line) {
  Json environment = describe_environment(command_line);
  environment["origins"] = origins_of(run);
  return environment;
}

/// The sources of a run that goes on: its own saved config first, then what the user says now.
RunSources continued(const RunFolder& folder, const RunSources& sources) {
  RunSources all = sources;
  all.files.insert(all.files.begin(),
                   {parse_json(read_text(folder.config()), folder.config()), "run " + folder.path});
  return all;
}

/// What an earlier start settled for this machine stays settled, unless the user says otherwise.
void keep_settled(const RunFolder& folder, TrainConfig& train) {
  const Json saved = parse_json(read_text(folder.config()), folder.config());
  const Json* before = saved.find("train");
  const auto kept = [before](const char* key) {
    return before == nullptr ? nullptr : before->find(key);
  };
  if (const Json* precision = kept("precision"); precision && train.precision == "auto") {
    train.precision = precision->as_string();
  }
  if (const Json* micro_batch = kept("micro_batch"); micro_batch && train.micro_batch == 0) {
    train.micro_batch = micro_batch->as_int();
  }
}

void refuse_changes(const RunFolder& folder, const Json& wanted) {
  const Json saved = parse_json(read_text(folder.config()), folder.config());
  const std::vector<std::string> keys = frozen_differences(saved, wanted);
  if (keys.empty()) return;
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  throw ConfigError(
      folder.path + ": holds a run with another " + list +
      ", which cannot change in mid-run; give another --out, or --fresh to start over");
}

void write_json(const std::string& path, const Json& value) {
  const std::string text = to_text(value) + "\n";
  replace_file(real_file_system(), path, text.data(), text.size());
}

void say_learning_rate(const ResolvedRun& run, Log& log) {
  const OptimizerConfig& optimizer = run.config.optimizer;
  const double peak =
      scaled_learning_rate(optimizer.learning_rate, run.config.train.batch, optimizer.scaling);
  log.info("learning rate: peak " + format_significant(peak, 4) + " = " +
           format_significant(optimizer.learning_rate, 4) +
           (optimizer.scaling == "linear"
                ? " * batch " + std::to_string(run.config.train.batch) + " / 256"
            : optimizer.scaling == "sqrt"
                ? " * sqrt(batch " + std::to_string(run.config.train.batch) + ")"
                : " (not scaled)"));
}

void say_plan(const ResolvedRun& run, Training& training, const RunFolder& folder, Log& log) {
  const RunConfig& config = run.config;
  const std::string sampler = EpochSampler(*run.data.train, sampler_plan(config)).words();
  if (!sampler.empty()) log.info("sampler: " + sampler);
  int64_t parameters = 0;
  for (const at::Tensor& p : training.recipe().encoder()->parameters()) parameters += p.numel();
  log.info("encoder: " + config.encoder.name + ", " + format_count(parameters) + " parameters, " +
           std::to_string(training.recipe().encoder()->width()) + " features");
  if (config.start) {
    log.info("initial weights: " + config.start->file.path + ", " +
             to_words(start_from(*config.start, config.encoder, *training.recipe().encoder())));
  }
  log.info("run: " + folder.path + ", " + format_count(training.plan().steps) + " steps of " +
           std::to_string(config.train.batch) + " images, " + std::to_string(config.threads) +
           " threads, " + std::to_string(config.data.workers) + " data workers, " + config.device +
           ", " + config.train.precision +
           (config.train.micro_batch == 0
                ? ""
                : ", micro-batches of " + std::to_string(config.train.micro_batch)));
  say_learning_rate(run, log);
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

PretrainResult result_of(const RunFolder& folder, const Training& training, const EpochLoop& loop) {
  PretrainResult result;
  result.folder = folder;
  result.step = training.step();
  result.total_steps = training.plan().steps;
  result.loss = loop.run_log().last_loss();
  result.images_per_second = loop.run_log().images_per_second();
  return result;
}

PretrainResult train(ResolvedRun& run, const RunFolder& folder, Training& training, Group& group,
                     ProgressBar& progress, Log& log) {
  const int64_t steps = training.plan().steps;
  const std::optional<Generation> generation = newest_generation(folder.checkpoints(), log);
  if (generation && generation->step >= steps && std::filesystem::exists(folder.encoder())) {
    return {folder, generation->step, steps, /*already_finished=*/true};
  }
  say_plan(run, training, folder, log);
  if (!std::filesystem::exists(folder.views())) draw_views(run, folder, training.recipe(), log);
  EpochLoop loop(run, folder, training, group, progress, log);
  loop.restore(generation);
  if (generation) log.info("continuing after step " + format_count(generation->step));

  const int signal = loop.run();
  PretrainResult result = result_of(folder, training, loop);
  result.stopped_by_signal = signal;
  draw_curves(folder);
  if (signal == 0) {
    const std::vector<uint8_t> bytes = loop.encoder_bytes();
    replace_file(real_file_system(), folder.encoder(), bytes.data(), bytes.size());
  }
  return result;
}

/// A run without checkpoints starts from encoder.weights, one with checkpoints does not.
void prepare_start(ResolvedRun& run, bool has_checkpoints, Log& log) {
  RunConfig& config = run.config;
  if (has_checkpoints) {
    config.start.reset();
  } else if (!config.encoder.weights.empty() && !config.start) {
    config.start = std::make_shared<StartWeights>(read_start_weights(config.encoder, log));
  }
}

}  // namespace

PretrainResult pretrain(const RunSources& sources, const PretrainOptions& options,
                        ProgressBar& progress, Log& log) {
  RunFolder folder{options.out};
  const bool continues = !options.out.empty() && !options.fresh && folder.holds_run();
  ResolvedRun run = resolve_run(continues ? continued(folder, sources) : sources, log);
  check_online_evaluation(run.config, *run.data.train);
  if (continues) keep_settled(folder, run.config.train);
  const bool goes_on = continues && holds_generation(folder.checkpoints());
  if (goes_on) refuse_changes(folder, resolved_json(run));
  if (options.out.empty() || (options.fresh && folder.holds_run())) {
    folder = next_run_folder(run.config.recipe.name, run.data.train->info().name);
  }
  at::set_num_threads(static_cast<int>(run.config.threads));
  prepare_start(run, goes_on, log);
  SoloGroup group;
  Training training(run.config, run.data.train->info(), plan_of(run, group), group,
                    at::Device(run.config.device));
  const DeviceFit fit = fit_device(run.config, training, log);
  run.config.train.precision = fit.precision;
  run.config.train.micro_batch = fit.micro_batch;
  // Everything that can be refused has been by now: only a run that starts leaves a folder.
  real_file_system().make_directories(folder.checkpoints());
  const RunLock lock(folder);
  if (!continues) write_json(folder.environment(), described_start(run, options.command_line));
  write_json(folder.config(), resolved_json(run));
  return train(run, folder, training, group, progress, log);
}

}  // namespace nearfar
