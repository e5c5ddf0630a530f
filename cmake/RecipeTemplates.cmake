# What `nearfar new-recipe` writes, as a header.
set(template_folder ${CMAKE_SOURCE_DIR}/tools/nearfar/new_recipe)
foreach(file CMakeLists.txt recipe.cpp recipe_test.cpp preset.json README.md)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${template_folder}/${file}.in)
  string(MAKE_C_IDENTIFIER NEARFAR_TEMPLATE_${file} variable)
  file(READ ${template_folder}/${file}.in ${variable})
endforeach()
configure_file(${CMAKE_SOURCE_DIR}/cmake/recipe_templates.h.in
               ${CMAKE_BINARY_DIR}/generated/nearfar/recipe_templates.h @ONLY)
