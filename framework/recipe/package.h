// Where the rest of nearfar lies: built-in recipes, and what recipes are built with.
#pragma once

#include <string>
#include <vector>

namespace nearfar {

/// Folders of built-in recipes: recipes/ beside libnearfar.so (a build folder), and
/// nearfar/recipes/ beside it (an installed nearfar).
std::vector<std::string> built_in_recipe_folders();

/// The folder of nearfarConfig.cmake: what a recipe's build is told as -Dnearfar_DIR.
std::string package_folder();

}  // namespace nearfar
