// Recipe libraries: search, stamp, dlopen, descriptor.
#include "framework/recipe/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "framework/config/settings.h"
#include "framework/files/file_system.h"
#include "framework/recipe/contained.h"
#include "framework/recipe/package.h"
#include "framework/recipe/stamp_reader.h"
#include "framework/recipe/trial_opening.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

/// Recipe names with their libraries; the first place of the search path that has a name wins.
std::map<std::string, std::string> libraries_by_name() {
  std::map<std::string, std::string> found;
  const auto add = [&found](const fs::path& path) {
    if (path.extension() != ".so") return;
    found.emplace(path.stem().string(), fs::absolute(path).lexically_normal().string());
  };
  for (const std::string& place : recipe_search_path()) {
    std::error_code ignored;
    if (!fs::is_directory(place, ignored)) add(place);
    for (const auto& entry : fs::directory_iterator(place, ignored)) add(entry.path());
  }
  return found;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

std::string find_library(const std::string& name) {
  const auto libraries = libraries_by_name();
  const auto found = libraries.find(name);
  if (found != libraries.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& library : libraries) names.push_back(library.first);
  const std::string near = nearest_name(name, names);
  throw UnknownRecipeError(
      "recipe \"" + name + "\": not found" +
      (near.empty() ? "" : "; did you mean \"" + near + "\"?") + " (found: " + joined(names) +
      "; searched: " + joined(recipe_search_path()) + "; NEARFAR_RECIPE_PATH adds places)");
}

Json read_presets(const fs::path& library) {
  fs::path path = library;
  path.replace_extension(".json");
  if (!fs::exists(path)) return Json::object();
  return parse_json(read_text(path.string()), path.string());
}

bool is_built_in(const std::string& path) {
  const std::vector<std::string> folders = built_in_recipe_folders();
  return std::find(folders.begin(), folders.end(), fs::path(path).parent_path()) != folders.end();
}

/// Its code runs from here on, that of static objects first.
void* open_library(const std::string& path) {
  void* open_already = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (open_already != nullptr) return open_already;
  const std::string problem = is_built_in(path) ? "" : trial_opening(path);
  void* library = problem.empty() ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library != nullptr) return library;
  const std::string said = problem.empty() ? dlerror() : problem;
  throw PluginError(said.starts_with(path) ? said : path + ": " + said);
}

/// The library's descriptor.
const RecipePlugin* load(const std::string& path) {
  void* library = open_library(path);
  auto entry = reinterpret_cast<const RecipePlugin* (*)()>(dlsym(library, "nearfar_recipe"));
  if (entry == nullptr) throw PluginError(path + ": has a stamp but no nearfar_recipe()");
  return contained(path, "nearfar_recipe", entry);
}

/// "built-in", "NEARFAR_RECIPE_PATH", or "path" for what no name leads to.
std::string source_of(const std::string& path) {
  if (is_built_in(path)) return "built-in";
  const auto libraries = libraries_by_name();
  const auto found = libraries.find(fs::path(path).stem().string());
  return found != libraries.end() && found->second == path ? "NEARFAR_RECIPE_PATH" : "path";
}

/// A run is found again by its recipe's name: behind a name there must be that recipe.
RecipeLibrary open_named(const std::string& name, const std::string& path) {
  const RecipeLibrary library = open_recipe(path);
  if (library.plugin->name == name) return library;
  throw PluginError(path + ": expected the recipe of the file's name, found \"" +
                    library.plugin->name + "\"; name library and NEARFAR_RECIPE(...) alike");
}

}  // namespace

std::vector<std::string> recipe_search_path() {
  std::vector<std::string> places;
  if (const char* variable = std::getenv("NEARFAR_RECIPE_PATH")) {
    std::istringstream stream(variable);
    for (std::string place; std::getline(stream, place, ':');) {
      if (!place.empty()) places.push_back(place);
    }
  }
  for (const std::string& folder : built_in_recipe_folders()) places.push_back(folder);
  return places;
}

bool is_recipe_path(const std::string& name_or_path) {
  return name_or_path.find('/') != std::string::npos;
}

RecipeLibrary open_recipe(const std::string& name_or_path) {
  if (!is_recipe_path(name_or_path)) return open_named(name_or_path, find_library(name_or_path));
  const std::string path = fs::absolute(name_or_path).lexically_normal().string();
  check_stamp(path, read_stamp(path), program_stamp());
  return {load(path), path, read_presets(path)};
}

RecipeLibrary open_recipe(const std::string& name, const std::string& path) {
  if (path.empty() || is_recipe_path(name)) return open_recipe(name);
  if (!fs::exists(path)) {
    try {
      return open_recipe(name);
    } catch (const UnknownRecipeError& error) {
      throw UnknownRecipeError(std::string(error.what()) + "; its library " + path +
                               " (recipe.library) is gone: --recipe PATH says where it is now");
    }
  }
  const RecipeLibrary library = open_recipe(fs::absolute(path).string());
  if (library.plugin->name == name) return library;
  throw ConfigError("recipe.name: expected \"" + std::string(library.plugin->name) +
                    "\", which is what recipe.library (" + path + ") holds, found \"" + name +
                    "\"");
}

RecipeListing describe_recipe(const RecipeLibrary& library) {
  return {.name = library.plugin->name,
          .path = library.path,
          .source = source_of(library.path),
          .interface = stamp_entry(read_stamp(library.path), "interface"),
          .summary = library.plugin->summary,
          .paper = library.plugin->paper,
          .problem = ""};
}

std::vector<RecipeListing> list_recipes() {
  std::vector<RecipeListing> listings;
  for (const auto& [name, path] : libraries_by_name()) {
    RecipeListing listing;
    listing.name = name;
    listing.path = path;
    listing.source = source_of(path);
    try {
      listing.interface = stamp_entry(read_stamp(path), "interface");
      listing = describe_recipe(open_named(name, path));
    } catch (const Error& error) {
      listing.problem = error.what();
    }
    listings.push_back(std::move(listing));
  }
  return listings;
}

}  // namespace nearfar
