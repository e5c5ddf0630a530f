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
/// config files and settings of a run). Throws ConfigError, DataError, PluginError.
ViewSource open_views(const ViewRequest& request, Log& log);

}  // namespace nearfar
