# nearfar_add_recipe: a recipe as a library that the program loads, in nearfar's own build and out of it.
set(NEARFAR_RECIPE_FOLDER ${CMAKE_CURRENT_LIST_DIR})

# nearfar_add_recipe(NAME SOURCE... [OUTPUT FOLDER])
# The target recipe_NAME: FOLDER/NAME.so (FOLDER: the current build folder), with the presets of NAME.json, where
# there is one beside the sources, copied next to it. `cmake --install` puts both where an installed nearfar looks.
# NAME is the recipe's name in NEARFAR_RECIPE(...). Sources in CUDA need enable_language(CUDA); such a library is
# loaded by a nearfar of the same CUDA version alone.
function(nearfar_add_recipe name)
  cmake_parse_arguments(PARSE_ARGV 1 recipe "" "OUTPUT" "")
  set(sources ${recipe_UNPARSED_ARGUMENTS})
  if(NOT recipe_OUTPUT)
    set(recipe_OUTPUT ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  if(NOT sources)
    message(FATAL_ERROR "nearfar_add_recipe(${name}): expected the recipe's sources after its name")
  endif()
  if(sources MATCHES "[.]cu(;|$)")
    string(REGEX MATCH "^[0-9]+[.][0-9]+" NEARFAR_RECIPE_CUDA "${CMAKE_CUDA_COMPILER_VERSION}")
    configure_file(${NEARFAR_RECIPE_FOLDER}/cuda_stamp.cpp.in
                   ${CMAKE_CURRENT_BINARY_DIR}/${name}_cuda_stamp.cpp @ONLY)
    list(APPEND sources ${CMAKE_CURRENT_BINARY_DIR}/${name}_cuda_stamp.cpp)
  endif()

  set(target recipe_${name})
  add_library(${target} MODULE ${sources})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${recipe_OUTPUT} CXX_VISIBILITY_PRESET hidden
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF INSTALL_RPATH "$ORIGIN/../..")
  # Without a build type a step would run as it is debugged.
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:>>:-O2>)
  if(TARGET nearfar_torch)  # nearfar's own build: its precompiled header serves all
    target_link_libraries(${target} PRIVATE nearfar)
    target_precompile_headers(${target} REUSE_FROM nearfar_torch)
  else()
    target_link_libraries(${target} PRIVATE nearfar::nearfar)
  endif()
  install(TARGETS ${target} LIBRARY DESTINATION lib/nearfar/recipes)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.json)
    configure_file(${name}.json ${recipe_OUTPUT}/${name}.json COPYONLY)
    install(FILES ${name}.json DESTINATION lib/nearfar/recipes)
  endif()
endfunction()
