// What `views` and `bench` look at: images, and how a recipe or a published policy draws their
// views.
#pragma once

#include <memory>
#include <vector>

#include "framework/data/contact_sheet.h"
#include "framework/data/loader.h"
#include "framework/log/log.h"
#include "tools/nearfar/arguments.h"

namespace nearfar {

struct ViewSource {
  std::shared_ptr<const Dataset> data;
  std::vector<ViewPolicy> policies;
  LoaderPlan plan;     // how a run on this machine would load them
  SheetOptions sheet;  // what they are, in words, and the seed
};

/// Opens request.words[0], an image or a data set, with the views of a recipe (the other words are
/// config files and settings of a run) or, where request.policy is given, of a published policy
/// (the other words are settings: data.KEY as in a run, view.KEY for all views of the policy).
/// Throws ConfigError, DataError, PluginError.
ViewSource open_views(const ViewRequest& request, Log& log);

/// A published policy with settings view.KEY=value over all of its views. Throws ConfigError for an
/// unknown name (with the nearest), key or value.
std::vector<ViewPolicy> published_views(const std::string& name,
                                        const std::vector<std::string>& settings);

}  // namespace nearfar
