// Errors of a recipe under the name of the function that threw them.
#pragma once

#include <stdexcept>
#include <string>

namespace nearfar {

/// What a function of a recipe threw: "embed() threw: WHAT".
struct RecipeThrew : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What `body` returns. What it throws becomes a RecipeThrew "WHO threw: WHAT" with the first line
/// of WHAT; a RecipeThrew stays what it is.
template <typename Body>
auto named_errors(const char* who, const Body& body) {
  const auto named = [who](const std::string& what) {
    return RecipeThrew(std::string(who) + " threw: " + what.substr(0, what.find('\n')));
  };
  try {
    return body();
  } catch (const RecipeThrew&) {
    throw;
  } catch (const std::exception& error) {
    throw named(error.what());
  } catch (...) {
    throw named("something that is no std::exception");
  }
}

}  // namespace nearfar
