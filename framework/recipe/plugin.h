// How a recipe library presents itself: one exported C function and a stamp that is read before
// dlopen.
#pragma once

#include <memory>

#include "framework/config/fields.h"
#include "framework/recipe/recipe.h"
#include "framework/recipe/stamp.h"

namespace nearfar {

/// What nearfar_recipe() returns. Plain pointers: it crosses a library boundary.
struct RecipePlugin {
  const char* name;     // as in recipe.name
  const char* summary;  // one line
  const char* paper;    // authors, year, where
  std::shared_ptr<void> (*make_config)();
  void (*describe)(void* config, Fields& field);
  std::shared_ptr<Recipe> (*make)(const void* config, const Setup& setup);
};

/// The descriptor of a recipe with the config struct `Config` and a constructor from (Config,
/// Setup).
template <typename RecipeType, typename Config>
RecipePlugin make_recipe_plugin(const char* name, const char* summary, const char* paper) {
  return {name,
          summary,
          paper,
          [] { return std::shared_ptr<void>(std::make_shared<Config>()); },
          [](void* config, Fields& field) { static_cast<Config*>(config)->describe(field); },
          [](const void* config, const Setup& setup) -> std::shared_ptr<Recipe> {
            return std::make_shared<RecipeType>(*static_cast<const Config*>(config), setup);
          }};
}

}  // namespace nearfar

/// Makes a library a recipe plugin: NEARFAR_RECIPE(SimClr, SimClrConfig, "simclr", summary, paper).
#define NEARFAR_RECIPE(RecipeType, ConfigType, name, summary, paper)               \
  NEARFAR_STAMP_NOTE                                                               \
  extern "C" __attribute__((visibility("default"))) const nearfar::RecipePlugin*   \
  nearfar_recipe() {                                                               \
    static const nearfar::RecipePlugin plugin =                                    \
        nearfar::make_recipe_plugin<RecipeType, ConfigType>(name, summary, paper); \
    return &plugin;                                                                \
  }
