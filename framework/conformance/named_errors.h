// Errors of a recipe under the name of the function that threw them.
#pragma once

#include <stdexcept>
#include <string>

#include "framework/first_line.h"
#include "framework/recipe/contained.h"

namespace nearfar {

/// What a function of a recipe threw, and which function that was.
struct RecipeThrew : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What `body` returns. What it throws becomes a RecipeThrew "WHO threw: WHAT" with the first line
/// of WHAT; a RecipeError, which names recipe and function itself, keeps its words, and a
/// RecipeThrew stays what it is.
template <typename Body>
auto named_errors(const char* who, const Body& body) {
  const auto named = [who](const std::string& what) {
    return RecipeThrew(std::string(who) + " threw: " + first_line(what));
  };
  try {
    return body();
  } catch (const RecipeThrew&) {
    throw;
  } catch (const RecipeError& error) {
    throw RecipeThrew(first_line(error.what()));
  } catch (const std::exception& error) {
    throw named(error.what());
  } catch (...) {
    throw named("something that is no std::exception");
  }
}

}  // namespace nearfar
