// Recipes with fresh weights.
#pragma once

#include "framework/recipe/plugin.h"

namespace nearfar {

/// The plugin's recipe with the weights that setup.plan.seed gives, the same on every rank. Ranks
/// that are threads of one process are served one after another: no recipe may wait for another
/// rank while it is made. LibTorch's generator is left as it was.
/// What the recipe's code throws, here and later, is contained (contained.h).
std::shared_ptr<Recipe> make_recipe(const RecipePlugin& plugin, const void* config,
                                    const Setup& setup);

}  // namespace nearfar
