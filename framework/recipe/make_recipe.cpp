// Seeding and making as one.
#include "framework/recipe/make_recipe.h"

#include <torch/types.h>

#include <mutex>

namespace nearfar {

std::shared_ptr<Recipe> make_recipe(const RecipePlugin& plugin, const void* config,
                                    const Setup& setup) {
  // LibTorch's global generator is one for all threads.
  static std::mutex generator;
  const std::lock_guard lock(generator);
  at::manual_seed(setup.plan.seed);
  return plugin.make(config, setup);
}

}  // namespace nearfar
