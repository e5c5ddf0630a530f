// The recipe that is held to the laws, with the settings of one of its presets.
#pragma once

#include <string>

#include "framework/recipe/library.h"
#include "framework/train/configure.h"

namespace nearfar {

struct Subject {
  RecipeLibrary library;
  std::string preset;  // empty: the recipe's defaults
  RunConfig config;
  DatasetInfo data;  // of made-up images: colours, classes and a target
};

/// The recipe that the sources name, with its defaults under the preset that they name (none: the
/// one for small colour images, else the first; none at all: no preset) under their settings.
/// Stochastic depth is raised to 0.3, so that what networks draw is seen. Throws ConfigError and
/// PluginError.
Subject make_subject(const RunSources& sources);

}  // namespace nearfar
