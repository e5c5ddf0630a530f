// Opening of images and their views.
#include "tools/nearfar/view_source.h"

#include <algorithm>

#include "augment/view_presets.h"
#include "framework/data/statistics.h"
#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/train/device.h"
#include "framework/train/plan.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

/// The keys of a published policy on a data set.
struct PolicySettings {
  DataConfig data;
  ViewPolicy view;

  void describe(Fields& field) {
    field("data", data, "the images");
    field("view", view, "how every view is drawn");
  }
};

Settings policy_settings(const std::vector<std::string>& words) {
  Settings settings;
  for (const std::string& word : words) {
    if (!is_assignment(word)) {
      throw ConfigError(word + ": expected view.KEY=value or data.KEY=value beside --policy");
    }
    settings.add_assignment(word, "command line");
  }
  return settings;
}

PolicySettings with_settings(const ViewPolicy& policy, const Settings& settings) {
  PolicySettings config;
  config.view = policy;
  settings.apply([&config](Fields& field) { config.describe(field); });
  return config;
}

const ViewPreset& preset_of(const std::string& name) {
  const ViewPreset* preset = find_view_preset(name);
  if (preset != nullptr) return *preset;
  const std::string near = nearest_name(name, view_preset_names());
  throw ConfigError("--policy " + name + ": no such policy" +
                    (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
                    " (--policy list names them)");
}

ViewSource views_of_policy(const ViewRequest& request, Log& log) {
  const ViewPreset& preset = preset_of(request.policy);
  const std::vector<std::string> words(request.words.begin() + 1, request.words.end());
  DataConfig data = with_settings({}, policy_settings(words)).data;
  data.path = request.words.front();
  ViewSource source;
  source.data = open_data(data, log).train;
  source.policies = published_views(request.policy, words);
  source.plan.seed = static_cast<uint64_t>(std::max<int64_t>(0, request.seed));
  source.plan.batch = source.data->info().size;
  source.plan.skip_bad_images = data.on_bad_image == "skip";
  source.plan.max_bad_fraction = data.max_bad_fraction;
  source.plan.normalize = resolve_normalize(data, *source.data);
  source.plan.workers = resolve_workers(data.workers, available_cores());
  source.sheet.seed = source.plan.seed;
  source.sheet.title = preset.name + ": " + preset.summary;
  source.sheet.note = preset.source + ". " + data.path + ": " +
                      format_count(source.data->info().size) + " images, seed " +
                      std::to_string(source.plan.seed);
  return source;
}

ViewSource views_of_recipe(const ViewRequest& request, Log& log) {
  RunSources sources = sources_of({request.words.begin() + 1, request.words.end()});
  sources.preset = request.preset;
  sources.assignments.push_back("data.path=" + request.words.front());
  if (request.seed >= 0) {
    sources.assignments.push_back("train.seed=" + std::to_string(request.seed));
  }
  const Settings named = merge_sources(sources, Json::object(), "");
  if (!request.recipe.empty() || named.find("recipe.name") == nullptr) {
    sources.assignments.push_back("recipe.name=" +
                                  (request.recipe.empty() ? "simclr" : request.recipe));
  }
  const ResolvedRun run = resolve_run(sources, log);
  SoloGroup group;
  return {run.data.train, views_of(run), loader_plan(run, group), sheet_options(run)};
}

}  // namespace

std::vector<ViewPolicy> published_views(const std::string& name,
                                        const std::vector<std::string>& words) {
  const Settings settings = policy_settings(words);
  std::vector<ViewPolicy> policies;
  for (const ViewPolicy& view : preset_of(name).views) {
    policies.push_back(with_settings(view, settings).view);
    const std::string problem = policy_error(policies.back());
    if (problem.empty()) continue;
    throw ConfigError("policy " + name + ": view " + std::to_string(policies.size()) + ": " +
                      problem);
  }
  return policies;
}

ViewSource open_views(const ViewRequest& request, Log& log) {
  return request.policy.empty() ? views_of_recipe(request, log) : views_of_policy(request, log);
}

}  // namespace nearfar
