// Start, continue and finish of a pretraining run, on one rank or many.
#include "framework/train/pretrain.h"

#include <ATen/Parallel.h>

#include <filesystem>

#include "distributed/hosted_ranks.h"
#include "distributed/join.h"
#include "distributed/texts.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/log/quantities.h"
#include "framework/train/agreement.h"
#include "framework/train/device.h"
#include "framework/train/online_evaluation.h"
#include "framework/train/plan.h"
#include "framework/train/rank_run.h"
#include "framework/train/rank_self_test.h"
#include "framework/train/start_weights.h"

namespace nearfar {
namespace {

constexpr const char* kFolderKey = "nearfar/run_folder";

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

/// The settings of a run that goes on, or of a new one.
RunConfig given_of(const RunFolder& folder, bool continues, const RunSources& sources) {
  try {
    return given_config(sources);
  } catch (const UnknownRecipeError& error) {
    if (!continues) throw;
    throw ConfigError(folder.path +
                      ": this run goes on with its own recipe alone: " + error.what());
  }
}

void refuse_changes(const RunFolder& folder, ResolvedRun& run) {
  const Json saved = parse_json(read_text(folder.config()), folder.config());
  const std::vector<std::string> keys =
      frozen_differences(saved, to_json([&run](Fields& field) { run.config.describe(field); }));
  if (keys.empty()) return;
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  throw ConfigError(
      folder.path + ": holds a run with another " + list +
      ", which cannot change in mid-run; give another --out, or --fresh to start over");
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

/// Ranks that were started again go on where they were, also without --out: their first start left
/// the folder in the store that outlives them.
PretrainOptions after_restart(PretrainOptions options) {
  const Placement& placement = options.placement;
  if (placement.attempt == 0 || !placement.store_served) return options;
  const auto store = connect_store(placement.host, placement.port, std::chrono::minutes(1));
  if (const std::optional<std::string> folder = store->find(kFolderKey)) {
    options.out = *folder;
    options.fresh = false;
  }
  return options;
}

/// One process of a run: everything until its ranks train.
class Process {
 public:
  Process(const RunSources& sources, const PretrainOptions& options, ProgressBar& progress,
          Log& log)
      : options_(after_restart(options)),
        folder_{options_.out},
        continues_(!folder_.path.empty() && !options_.fresh && folder_.holds_run()),
        sources_(continues_ ? continued(folder_, sources) : sources),
        given_(given_of(folder_, continues_, sources_)),
        progress_(progress),
        log_(log) {}

  PretrainResult run() {
    JoinOptions joining;
    joining.deadline = deadline_of(given_);
    device_ = open_device(resolve_device(given_.device), options_.placement.local_rank);
    joining.device = device_;
    if (device_.is_cuda() && options_.placement.ranks > 1) {
      joining.make_device_backend = cuda_backend();
    }
    ranks_ = join(options_.placement, joining);
    try {
      return run_joined();
    } catch (const std::exception& error) {
      ranks_.group->report_failure(error.what());
      throw;
    }
  }

 private:
  PretrainResult run_joined() {
    Group& group = *ranks_.group;
    for (const std::string& note : ranks_.placement.notes) log_.info(note);
    ResolvedRun run = resolve_run(sources_, log_, cores_of_a_rank(group, hosted()));
    group.set_deadline(deadline_of(run.config));
    check_online_evaluation(run.config, *run.data.train);
    if (continues_) keep_settled(folder_, run.config.train);
    const bool goes_on = continues_ && holds_generation(folder_.checkpoints());
    if (goes_on) refuse_changes(folder_, run);
    check_every_rank_has_images(run, group.size() * hosted());
    check_same_run(group, run, goes_on);
    choose_folder(run);
    at::set_num_threads(static_cast<int>(run.config.threads));
    if (run.config.train.self_test && group.size() > 1) {
      check_gradient_over_ranks(run.config, run.data.train->info(), group);
    }
    prepare_start(run, goes_on, log_);
    return train(run);
  }

  /// Ranks that this process hosts.
  int hosted() const {
    const auto shards = static_cast<int>(given_.train.shards);
    const int ranks = options_.placement.ranks;
    if (given_.train.reduction != "ordered") return 1;
    if (shards % ranks != 0) {
      throw ConfigError("train.shards: expected a multiple of the " + std::to_string(ranks) +
                        " ranks under train.reduction=ordered, found " + std::to_string(shards));
    }
    if (shards != ranks && resolve_device(given_.device) == "cuda") {
      throw ConfigError(
          "train.shards: expected one for each rank on GPUs under train.reduction=ordered, found " +
          std::to_string(shards) + " for " + std::to_string(ranks) +
          (ranks == 1 ? " rank" : " ranks"));
    }
    return shards / ranks;
  }

  void choose_folder(const ResolvedRun& run) {
    if (ranks_.group->rank() == 0 &&
        (folder_.path.empty() || (options_.fresh && folder_.holds_run()))) {
      folder_ = next_run_folder(run.config.recipe.name, run.data.train->info().name);
    }
    folder_.path = broadcast_text(*ranks_.group, folder_.path);
    if (ranks_.store && ranks_.group->rank() == 0) {
      ranks_.store->set(kFolderKey, std::filesystem::absolute(folder_.path).string());
    }
  }

  PretrainResult train(const ResolvedRun& run) {
    const StopSignals signals;
    const RankPlan plan{folder_, continues_, options_.command_line, ranks_.placement, device_};
    if (given_.train.reduction != "ordered") {
      return train_as_rank(run, plan, *ranks_.group, signals, progress_, log_);
    }
    std::optional<PretrainResult> result;
    const int first = ranks_.group->rank() * hosted();
    run_hosted_ranks(*ranks_.group, ranks_.group->size() * hosted(), [&](Group& group) {
      const PretrainResult mine = train_as_rank(run, plan, group, signals, progress_, log_);
      if (group.rank() == first) result = mine;
    });
    return *result;
  }

  const PretrainOptions options_;
  RunFolder folder_;
  const bool continues_;
  const RunSources sources_;
  const RunConfig given_;
  ProgressBar& progress_;
  Log& log_;
  at::Device device_ = at::kCPU;
  Ranks ranks_;
};

}  // namespace

PretrainResult pretrain(const RunSources& sources, const PretrainOptions& options,
                        ProgressBar& progress, Log& log) {
  return Process(sources, options, progress, log).run();
}

}  // namespace nearfar
