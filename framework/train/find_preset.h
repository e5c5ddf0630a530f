// The presets of a recipe by name.
#pragma once

#include <string>

#include "framework/recipe/library.h"

namespace nearfar {

/// The preset of that name: "source", "when", "settings". Throws ConfigError with the nearest name.
const Json& find_preset(const RecipeLibrary& library, const std::string& name);

}  // namespace nearfar
