// Recipe libraries: search, stamp, dlopen, descriptor.
#include "framework/recipe/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "framework/config/settings.h"
#include "framework/error.h"
#include "framework/files/file_system.h"
#include "framework/files/library_folder.h"
#include "framework/recipe/stamp_reader.h"

namespace nearfar {
namespace fs = std::filesystem;
namespace {

/// Recipe names with their libraries; the first folder of the search path that has a name wins.
std::map<std::string, std::string> libraries_by_name() {
  std::map<std::string, std::string> found;
  for (const std::string& folder : recipe_search_path()) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".so") {
        found.emplace(entry.path().stem().string(), entry.path().string());
      }
    }
  }
  return found;
}

std::string find_library(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos) return fs::absolute(name_or_path).string();
  const auto libraries = libraries_by_name();
  const auto found = libraries.find(name_or_path);
  if (found != libraries.end()) return found->second;
  std::vector<std::string> names;
  std::string known;
  for (const auto& [name, path] : libraries) {
    names.push_back(name);
    known += (known.empty() ? "" : ", ") + name;
  }
  const std::string near = nearest_name(name_or_path, names);
  throw ConfigError("recipe \"" + name_or_path + "\": not found" +
                    (near.empty() ? "" : "; did you mean \"" + near + "\"?") + " (found: " +
                    (known.empty() ? "none" : known) + "; NEARFAR_RECIPE_PATH adds folders)");
}

Json read_presets(const fs::path& library) {
  fs::path path = library;
  path.replace_extension(".json");
  if (!fs::exists(path)) return Json::object();
  return parse_json(read_text(path.string()), path.string());
}

}  // namespace

std::vector<std::string> recipe_search_path() {
  std::vector<std::string> folders;
  if (const char* variable = std::getenv("NEARFAR_RECIPE_PATH")) {
    std::istringstream stream(variable);
    for (std::string folder; std::getline(stream, folder, ':');) {
      if (!folder.empty()) folders.push_back(folder);
    }
  }
  folders.push_back(library_folder() + "/recipes");
  folders.push_back(library_folder() + "/nearfar/recipes");
  return folders;
}

RecipeLibrary open_recipe(const std::string& name_or_path) {
  const std::string path = find_library(name_or_path);
  check_stamp(path, read_stamp(path), NEARFAR_STAMP);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw PluginError(path + ": " + dlerror());
  auto entry = reinterpret_cast<const RecipePlugin* (*)()>(dlsym(library, "nearfar_recipe"));
  if (entry == nullptr) throw PluginError(path + ": has a stamp but no nearfar_recipe()");
  return {entry(), path, read_presets(path)};
}

std::vector<RecipeListing> list_recipes() {
  std::vector<RecipeListing> listings;
  for (const auto& [name, path] : libraries_by_name()) {
    RecipeListing listing{name, path, "", "", ""};
    try {
      const RecipeLibrary library = open_recipe(path);
      listing.summary = library.plugin->summary;
      listing.paper = library.plugin->paper;
    } catch (const Error& error) {
      listing.problem = error.what();
    }
    listings.push_back(std::move(listing));
  }
  return listings;
}

}  // namespace nearfar
