// Finds and opens recipe libraries, built-in and third-party alike.
#pragma once

#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/recipe/plugin.h"

namespace nearfar {

/// An opened recipe library; it stays open for the life of the program.
struct RecipeLibrary {
  const RecipePlugin* plugin = nullptr;
  std::string path;
  Json presets;  // of NAME.json beside the library: {"presets": {...}}, or an empty object
};

/// One line of `nearfar recipes`: what a library is, or why it does not load.
struct RecipeListing {
  std::string name;
  std::string path;
  std::string summary;
  std::string paper;
  std::string problem;
};

/// Folders searched, in order: those of NEARFAR_RECIPE_PATH (separated by colons), then recipes/
/// beside libnearfar.so, then nearfar/recipes/ beside it (an installed nearfar).
std::vector<std::string> recipe_search_path();

/// Opens a recipe by name, or by path when it contains a slash. The stamp is compared before any
/// code of the library runs. Throws ConfigError for an unknown name (with the nearest), PluginError
/// otherwise.
RecipeLibrary open_recipe(const std::string& name_or_path);

std::vector<RecipeListing> list_recipes();

}  // namespace nearfar
