// Finds and opens recipe libraries, built-in and third-party alike.
#pragma once

#include <string>
#include <vector>

#include "framework/error.h"
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
  std::string source;     // "built-in", "NEARFAR_RECIPE_PATH" or "path"
  std::string interface;  // that its stamp names; empty: none
  std::string summary;
  std::string paper;
  std::string problem;
};

/// A name that no library of the search path has.
struct UnknownRecipeError : ConfigError {
  using ConfigError::ConfigError;
};

/// What is searched, in order: folders and libraries of NEARFAR_RECIPE_PATH (separated by colons),
/// then those of built_in_recipe_folders().
std::vector<std::string> recipe_search_path();

/// Whether this is the path of a library and not a recipe's name: it contains a slash.
bool is_recipe_path(const std::string& name_or_path);

/// Opens a recipe by name, or by path. The stamp is compared before any code of the library runs.
/// Throws UnknownRecipeError (with the nearest name and the places searched), PluginError
/// otherwise.
RecipeLibrary open_recipe(const std::string& name_or_path);

/// Opens the recipe that `name` says where it is a path; else the library at `path`, where one
/// lies there; else the recipe `name`. Throws ConfigError where the library holds another recipe
/// than `name`, and as open_recipe.
RecipeLibrary open_recipe(const std::string& name, const std::string& path);

/// What `nearfar recipes` says of an opened library.
RecipeListing describe_recipe(const RecipeLibrary& library);

/// Every recipe of the search path, by name, with what keeps it from loading.
std::vector<RecipeListing> list_recipes();

}  // namespace nearfar
