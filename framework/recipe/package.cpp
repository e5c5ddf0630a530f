// Places beside libnearfar.so.
#include "framework/recipe/package.h"

#include "framework/files/library_folder.h"

namespace nearfar {

std::vector<std::string> built_in_recipe_folders() {
  return {library_folder() + "/recipes", library_folder() + "/nearfar/recipes"};
}

std::string package_folder() { return library_folder() + "/cmake/nearfar"; }

}  // namespace nearfar
