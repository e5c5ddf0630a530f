// From what the user gave to a resolved run: recipe, data, preset, settings, and every automatic
// choice.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "augment/render.h"
#include "framework/config/settings.h"
#include "framework/data/open.h"
#include "framework/log/log.h"
#include "framework/recipe/library.h"
#include "framework/train/run_config.h"

namespace nearfar {

/// The sources of a run's settings, weakest first after the preset.
struct RunSources {
  std::vector<std::pair<Json, std::string>> files;  // object and its origin
  bool environment = true;
  std::vector<std::string> assignments;  // key=value
  std::string preset;                    // by name; empty: by the data when there is no file
  std::string preset_device;             // that presets are chosen for; empty: the run's
};

struct ResolvedRun {
  RunConfig config;   // every automatic value filled in
  Settings settings;  // for origins
  RecipeLibrary library;
  DataParts data;
  Normalize normalize;
  std::string preset;  // empty: none
};

/// Opens recipe and data, chooses the preset, merges and checks the settings, fills in automatic
/// values: threads and workers for `cores` (0: those that this process may use), norm_batch, mean
/// and std, a batch no larger than the data. Says its choices in the log. Throws ConfigError,
/// DataError, PluginError.
ResolvedRun resolve_run(const RunSources& sources, Log& log, int cores = 0);

/// The settings as the sources give them, without preset and automatic values: what must be known
/// before data is opened. Throws ConfigError.
RunConfig given_config(const RunSources& sources);

/// The recipe library that the sources name. Throws ConfigError when none does.
RecipeLibrary recipe_of(const RunSources& sources);

/// The settings of all sources over a preset's (an empty object: none).
Settings merge_sources(const RunSources& sources, const Json& preset_settings,
                       const std::string& preset_origin);

/// The name of the first preset whose "when" fits: max_side and min_side of the images (0: unknown,
/// taken as large), channels, device. Empty when none fits.
std::string choose_preset(const Json& presets, const DatasetInfo& info, const std::string& device);

/// The keys whose values differ between two resolved configs and may not change in mid-run.
std::vector<std::string> frozen_differences(const Json& saved, const Json& wanted);

}  // namespace nearfar
