// Merging of settings and the automatic choices of a run.
#include "framework/train/configure.h"

#include <algorithm>
#include <array>

#include "distributed/placement.h"
#include "framework/data/loader.h"
#include "framework/data/split.h"
#include "framework/data/statistics.h"
#include "framework/error.h"
#include "framework/evaluate/report.h"
#include "framework/log/quantities.h"
#include "framework/optimize/exclusion.h"
#include "framework/optimize/rule_of_config.h"
#include "framework/recipe/contained.h"
#include "framework/train/device.h"
#include "framework/train/find_preset.h"
#include "framework/train/labelled_part.h"
#include "framework/train/start_weights.h"

namespace nearfar {
namespace {

/// What may differ when a run goes on: none of these changes a result.
constexpr std::array<std::string_view, 12> kMayChange = {
    "data.path",       "data.test_path",    "data.workers",          "train.checkpoint_every",
    "train.keep",      "train.log_every",   "data.max_bad_fraction", "train.tensorboard",
    "train.self_test", "train.check_ranks", "train.deadline",        "recipe.library"};

bool may_change(const std::string& key) {
  return std::find(kMayChange.begin(), kMayChange.end(), key) != kMayChange.end() ||
         key.rfind("evaluate.", 0) == 0 || key.rfind("report.", 0) == 0 ||
         key == "data.evaluate_on";
}

/// Another test set changes no result, but having one or none decides what is held out.
bool changes_parts(const std::string& key, const Json* before, const Json& after) {
  const Json none("");
  return key == "data.test_path" && ((before == nullptr || *before == none) != (after == none));
}

Describe describe_of(RunConfig& config) {
  return [&config](Fields& field) { config.describe(field); };
}

void collect_differences(const Json& saved, const Json& wanted, const std::string& prefix,
                         std::vector<std::string>& keys) {
  for (const auto& [name, value] : wanted.members()) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    const Json* before = saved.find(name);
    if (before != nullptr && value.is_object() && before->is_object()) {
      collect_differences(*before, value, key, keys);
    } else if ((before == nullptr || !(*before == value)) &&
               (!may_change(key) || changes_parts(key, before, value))) {
      keys.push_back(key);
    }
  }
}

bool preset_fits(const Json& when, const DatasetInfo& info, const std::string& device) {
  constexpr int64_t kUnknownSide = 1 << 20;
  const int64_t side = info.width == 0 ? kUnknownSide : std::max(info.height, info.width);
  for (const auto& [key, value] : when.members()) {
    const bool fits = key == "max_side"   ? side <= value.as_int()
                      : key == "min_side" ? side >= value.as_int()
                      : key == "channels" ? info.channels == value.as_int()
                      : key == "device"   ? device == value.as_string()
                                          : throw ConfigError(value.place() + ": when." + key +
                                                              ": unknown condition of a preset");
    if (!fits) return false;
  }
  return true;
}

/// A preset's batch is meant for large sets: with a small one and no wish of the user's it shrinks.
void fit_batch(ResolvedRun& run, Log& log) {
  int64_t& batch = run.config.train.batch;
  const int64_t size = run.data.train->info().size;
  const std::string origin = run.settings.origin("train.batch");
  const bool chosen_by_user = origin != "default" && origin.rfind("preset", 0) != 0;
  if (batch <= size || chosen_by_user) return;
  log.info("batch: " + std::to_string(size) + " instead of the preset's " + std::to_string(batch) +
           ", the size of the data");
  batch = size;
}

/// Weights of others want the images that they know: unless the user says otherwise, their
/// normalisation. A run that goes on has its own settings, and no need of the file.
void read_start(ResolvedRun& run, Log& log) {
  EncoderConfig& encoder = run.config.encoder;
  if (encoder.weights.empty() || !encoder.weights_hash.empty()) return;
  const auto start = std::make_shared<StartWeights>(read_start_weights(encoder, log));
  encoder.weights_hash = start->hash;
  run.config.start = start;
  DataConfig& data = run.config.data;
  const int64_t channels = run.data.train->info().channels;
  if (start->spec.channels != channels) return;  // which loading refuses, by the tensor's name
  const Normalize& normalize = start->spec.normalize;
  if (data.mean.empty()) log_normalization(start->spec, log);
  if (data.mean.empty())
    data.mean.assign(normalize.mean.begin(), normalize.mean.begin() + channels);
  if (data.std.empty()) data.std.assign(normalize.std.begin(), normalize.std.begin() + channels);
}

void take_labelled_part(ResolvedRun& run, Log& log) {
  const DataConfig& data = run.config.data;
  if (data.label_fraction == 0.0) return;
  run.data.train = labelled_part(run.data, data, static_cast<uint64_t>(run.config.train.seed));
  log.info("labels: " + format_count(run.data.train->info().size) + " images, " +
           percent_text(data.label_fraction) + " of those to train on");
}

void fill_automatic(ResolvedRun& run, int cores, Log& log) {
  RunConfig& config = run.config;
  config.device = resolve_device(config.device);
  if (config.threads == 0) config.threads = cores;
  config.data.workers = resolve_workers(config.data.workers, cores);
  config.optimizer.exclude = resolve_exclude(config.optimizer);
  rule_of(config.optimizer);  // refuses what means nothing together before anything is built
  check_schedule(config.schedule);
  fit_batch(run, log);
  if (config.data.sampler == "balanced" && config.data.classes_per_batch == 0) {
    config.data.classes_per_batch = config.train.batch / config.data.images_per_class;
  }
  if (config.encoder.norm_batch == 0) config.encoder.norm_batch = config.train.batch;
  read_start(run, log);
  run.normalize = resolve_normalize(config.data, *run.data.train);
  const auto channels = static_cast<size_t>(run.data.train->info().channels);
  config.data.mean.assign(run.normalize.mean.begin(), run.normalize.mean.begin() + channels);
  config.data.std.assign(run.normalize.std.begin(), run.normalize.std.begin() + channels);
}

/// The preset that the sources name or, without a config file, the one that suits the data.
std::string preset_name(const RunSources& sources, const RecipeLibrary& library,
                        const DatasetInfo& info, const std::string& device) {
  if (!sources.preset.empty()) return sources.preset;
  const Json* presets = library.presets.find("presets");
  if (!sources.files.empty() || presets == nullptr) return "";
  return choose_preset(*presets, info, device);
}

}  // namespace

void RecipeSection::describe(Fields& field) {
  field("name", name, "the method: a recipe's name, or the path of its library");
  field("library", library,
        "the library's path, where the name alone does not lead to it; filled in for a run whose "
        "recipe was given by path");
  if (plugin == nullptr) return;
  contained(plugin->name, "describe", [&] { plugin->describe(config.get(), field); });
}

RunConfig make_run_config(const RecipePlugin& plugin) {
  RunConfig config;
  config.recipe.name = plugin.name;
  config.recipe.plugin = &plugin;
  config.recipe.config = contained(plugin.name, "make_config", plugin.make_config);
  return config;
}

Settings merge_sources(const RunSources& sources, const Json& preset_settings,
                       const std::string& preset_origin) {
  Settings settings;
  settings.add_layer(preset_settings, preset_origin);
  for (const auto& [object, origin] : sources.files) settings.add_layer(object, origin);
  if (sources.environment) settings.add_environment({"NEARFAR_RECIPE_PATH", kLaunchVariable});
  for (const std::string& assignment : sources.assignments) {
    settings.add_assignment(assignment, "command line");
  }
  return settings;
}

RecipeLibrary recipe_of(const RunSources& sources) {
  const Settings settings = merge_sources(sources, Json::object(), "");
  const Json* name = settings.find("recipe.name");
  if (name == nullptr) {
    throw ConfigError(
        "recipe.name: no recipe given; add --recipe simclr (`nearfar recipes` lists all)");
  }
  const Json* library = settings.find("recipe.library");
  return open_recipe(name->as_string(), library == nullptr ? "" : library->as_string());
}

std::string choose_preset(const Json& presets, const DatasetInfo& info, const std::string& device) {
  for (const auto& [name, preset] : presets.members()) {
    const Json* when = preset.find("when");
    if (when != nullptr && preset_fits(*when, info, device)) return name;
  }
  return "";
}

std::vector<std::string> frozen_differences(const Json& saved, const Json& wanted) {
  std::vector<std::string> keys;
  collect_differences(saved, wanted, "", keys);
  return keys;
}

RunConfig given_config(const RunSources& sources) {
  RunConfig given = make_run_config(*recipe_of(sources).plugin);
  merge_sources(sources, Json::object(), "").apply(describe_of(given));
  return given;
}

ResolvedRun resolve_run(const RunSources& sources, Log& log, int cores) {
  ResolvedRun run;
  run.library = recipe_of(sources);
  const RecipePlugin& plugin = *run.library.plugin;

  const RunConfig given = given_config(sources);
  if (given.data.path.empty()) {
    throw ConfigError(
        "data.path: no data given; add --data PATH (a folder of images, idx or CIFAR files, a .csv "
        "list, .npy or .safetensors arrays)");
  }
  if (resolve_device(given.device) == "cuda") open_cuda();  // before any tensor exists
  run.data = open_data(given.data, log);

  run.preset = preset_name(
      sources, run.library, run.data.train->info(),
      sources.preset_device.empty() ? resolve_device(given.device) : sources.preset_device);
  Json preset = Json::object();
  if (!run.preset.empty()) {
    const Json& chosen = find_preset(run.library, run.preset);
    if (const Json* settings = chosen.find("settings")) preset = *settings;
    const Json* source = chosen.find("source");
    log.info("preset: " + std::string(plugin.name) + "/" + run.preset +
             (source == nullptr ? "" : " (" + source->as_string() + ")"));
  }
  run.settings = merge_sources(sources, preset, "preset " + run.preset);
  run.config = make_run_config(plugin);
  run.settings.apply(describe_of(run.config));
  run.data = divide_data(run.data, run.config.data, log);
  RecipeSection& recipe = run.config.recipe;
  if (is_recipe_path(recipe.name) || !recipe.library.empty()) recipe.library = run.library.path;
  recipe.name = plugin.name;
  take_labelled_part(run, log);
  fill_automatic(run, cores > 0 ? cores : available_cores(), log);
  return run;
}

}  // namespace nearfar
