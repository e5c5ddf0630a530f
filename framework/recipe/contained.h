// What a recipe's code throws becomes one error that names the recipe and the function.
#pragma once

#include <memory>
#include <string>

#include "framework/error.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

/// "recipe NAME: FUNCTION: WHAT": code of a recipe threw something that is not an error of
/// nearfar's own.
struct RecipeError : Error {
  explicit RecipeError(const std::string& what) : Error(ExitCode::unexpected, what) {}
};

/// Rethrows the exception that is being handled: as it is where it says by its type what went wrong
/// (an Error, another rank's failure, no memory left), else as RecipeError.
[[noreturn]] void rethrow_of_recipe(const std::string& recipe, const char* function);

/// call(), a function of the recipe.
template <typename Call>
auto contained(const std::string& recipe, const char* function, Call&& call) {
  try {
    return call();
  } catch (...) {
    rethrow_of_recipe(recipe, function);
  }
}

/// `recipe` with every function contained. Parameters, buffers and children are the same tensors
/// and modules, under the same names and in the same order: those that it has now.
std::shared_ptr<Recipe> contained_recipe(std::shared_ptr<Recipe> recipe, const std::string& name);

}  // namespace nearfar
