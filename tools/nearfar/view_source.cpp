// Opening of images and their views.
#include "tools/nearfar/view_source.h"

#include "framework/error.h"
#include "framework/train/plan.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

ViewSource views_of_recipe(const ViewRequest& request, Log& log) {
  RunSources sources = sources_of({request.words.begin() + 1, request.words.end()});
  sources.preset = request.preset;
  std::vector<std::string> given = {"recipe.name=" + request.recipe,
                                    "data.path=" + request.words.front()};
  if (request.seed >= 0) given.push_back("train.seed=" + std::to_string(request.seed));
  sources.assignments.insert(sources.assignments.begin(), given.begin(), given.end());
  const ResolvedRun run = resolve_run(sources, log);
  SoloGroup group;
  return {run.data.train, views_of(run), loader_plan(run, group), sheet_options(run)};
}

}  // namespace

ViewSource open_views(const ViewRequest& request, Log& log) {
  return views_of_recipe(request, log);
}

}  // namespace nearfar
