// Plans and recipes of resolved runs.
#include "framework/train/plan.h"

#include <cmath>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/recipe/make_recipe.h"
#include "framework/train/device_renderer.h"
#include "framework/train/labelled_part.h"
#include "framework/train/start_weights.h"

namespace nearfar {
namespace {

/// The recipe's settings that neither a preset nor a default made: ", recipe.view.blur=1".
std::string own_settings(const ResolvedRun& run) {
  std::string text;
  for (const auto& [key, setting] : run.settings.settings()) {
    const bool own = key.starts_with("recipe.") && key != "recipe.name" &&
                     key != "recipe.library" && !setting.origin.starts_with("preset");
    if (own) text += ", " + key + "=" + to_text(setting.value, -1);
  }
  return text;
}

}  // namespace

std::chrono::milliseconds deadline_of(const RunConfig& config) {
  return std::chrono::milliseconds(std::llround(config.train.deadline * 1000.0));
}

TrainPlan plan_of(const ResolvedRun& run, Group& group) {
  const TrainConfig& train = run.config.train;
  TrainPlan plan;
  plan.batch = train.batch;
  const SamplerPlan sampler = sampler_plan(run.config);
  plan.steps_per_epoch = EpochSampler(*run.data.train, sampler).steps_per_epoch();
  plan.steps = train.steps > 0 ? train.steps : train.epochs * plan.steps_per_epoch;
  plan.epochs = (plan.steps + plan.steps_per_epoch - 1) / plan.steps_per_epoch;
  plan.seed = static_cast<uint64_t>(train.seed);
  plan.norm = {run.config.encoder.norm_batch, &group};
  plan.images_per_class = sampler.images_per_class;
  // Balanced batches leave such images out.
  if (!sampler.balanced) plan.without_label = place_without_label(*run.data.train);
  return plan;
}

SamplerPlan sampler_plan(const RunConfig& config) {
  SamplerPlan plan;
  plan.batch = config.train.batch;
  plan.drop_last = config.data.drop_last;
  plan.balanced = config.data.sampler == "balanced";
  if (!plan.balanced) return plan;
  plan.classes_per_batch = config.data.classes_per_batch;
  plan.images_per_class = config.data.images_per_class;
  return plan;
}

LoaderPlan loader_plan(const ResolvedRun& run, const Group& group) {
  const RunConfig& config = run.config;
  LoaderPlan plan;
  plan.seed = static_cast<uint64_t>(config.train.seed);
  plan.batch = config.train.batch;
  plan.drop_last = config.data.drop_last;
  plan.ranks = group.size();
  plan.rank = group.rank();
  plan.workers = static_cast<int>(config.data.workers);
  plan.skip_bad_images = config.data.on_bad_image == "skip";
  plan.max_bad_fraction = config.data.max_bad_fraction;
  plan.normalize = run.normalize;
  plan.render = config.device != "cuda";
  return plan;
}

LoaderPlan loader_plan(const ResolvedRun& run, const Group& group, const Recipe& recipe) {
  LoaderPlan plan = loader_plan(run, group);
  plan.shuffled_views = recipe.shuffled_views();
  return plan;
}

std::shared_ptr<Recipe> build_recipe(const RunConfig& config, const DatasetInfo& data,
                                     const TrainPlan& plan, Group& group) {
  const auto make = [&config, &data, &plan](int64_t image_size) {
    auto encoder = make_encoder(config.encoder, data.channels, image_size, plan.norm);
    if (config.start) start_from(*config.start, config.encoder, *encoder);
    return encoder;
  };
  auto recipe = make_recipe(*config.recipe.plugin, config.recipe.config.get(),
                            Setup{make, group, data, plan});
  const std::vector<ViewPolicy> views = recipe->views();
  for (size_t i = 0; i < views.size(); ++i) {
    std::string problem = policy_error(views[i]);
    if (problem.empty() && config.device == "cuda") problem = device_policy_error(views[i]);
    if (problem.empty()) continue;
    throw ConfigError("recipe " + config.recipe.name + ": view " + std::to_string(i + 1) + ": " +
                      problem);
  }
  return recipe;
}

std::vector<ViewPolicy> views_of(const ResolvedRun& run) {
  SoloGroup group;
  return build_recipe(run.config, run.data.train->info(), plan_of(run, group), group)->views();
}

SheetOptions sheet_options(const ResolvedRun& run) {
  const DatasetInfo& info = run.data.train->info();
  SheetOptions options;
  options.seed = static_cast<uint64_t>(run.config.train.seed);
  options.title = run.config.recipe.name + (run.preset.empty() ? "" : "/" + run.preset) +
                  " views of " + info.name;
  options.note = info.path + ": " + format_count(info.size) +
                 (info.size == 1 ? " image (" : " images (") + info.format + "), seed " +
                 std::to_string(options.seed) + own_settings(run);
  return options;
}

}  // namespace nearfar
