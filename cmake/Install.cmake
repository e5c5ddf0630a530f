# What `cmake --install` puts where, and find_package(nearfar) for the installed nearfar and for this build folder.
include(CMakePackageConfigHelpers)

install(TARGETS nearfar_program RUNTIME DESTINATION bin)
set(libraries nearfar nearfar_commands)
foreach(optional nearfar_images nearfar_cuda)
  if(TARGET ${optional})
    list(APPEND libraries ${optional})
  endif()
endforeach()
install(TARGETS ${libraries} LIBRARY DESTINATION lib)
set_target_properties(${libraries} PROPERTIES INSTALL_RPATH "$ORIGIN")

# What recipes include, as they write it: -I include/nearfar. The headers of one variant of a part (Gloo, NCCL,
# kernels, images, CUDA) stay behind those of the part.
foreach(folder augment distributed framework recipes/blocks)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder}/ DESTINATION include/nearfar/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN "c10d_*" EXCLUDE PATTERN gloo_declarations EXCLUDE
          PATTERN kernels EXCLUDE PATTERN images EXCLUDE PATTERN cuda EXCLUDE)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/generated/nearfar/version.h DESTINATION include/nearfar/nearfar)

string(REGEX MATCH "^[0-9]+" NEARFAR_COMPILER_MAJOR "${CMAKE_CXX_COMPILER_VERSION}")
set(NEARFAR_PACKAGE_PROGRAM "\${NEARFAR_PREFIX}/bin/nearfar")
set(NEARFAR_PACKAGE_LIBRARY "\${NEARFAR_PREFIX}/lib/libnearfar.so")
set(NEARFAR_PACKAGE_INCLUDE "\${NEARFAR_PREFIX}/include/nearfar")
set(NEARFAR_PACKAGE_CMAKE "\${CMAKE_CURRENT_LIST_DIR}")
configure_file(cmake/nearfarConfig.cmake.in ${CMAKE_BINARY_DIR}/installed/nearfarConfig.cmake @ONLY)
set(NEARFAR_PACKAGE_PROGRAM ${CMAKE_BINARY_DIR}/nearfar)
set(NEARFAR_PACKAGE_LIBRARY ${CMAKE_BINARY_DIR}/libnearfar.so)
set(NEARFAR_PACKAGE_INCLUDE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
set(NEARFAR_PACKAGE_CMAKE ${CMAKE_SOURCE_DIR}/cmake)
configure_file(cmake/nearfarConfig.cmake.in ${CMAKE_BINARY_DIR}/cmake/nearfar/nearfarConfig.cmake @ONLY)

# Recipes fit one interface of one version: 0.1 does not stand in for 0.2.
foreach(folder installed cmake/nearfar)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/${folder}/nearfarConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/installed/nearfarConfig.cmake
              ${CMAKE_BINARY_DIR}/installed/nearfarConfigVersion.cmake
              cmake/LibTorch.cmake cmake/Recipe.cmake cmake/cuda_stamp.cpp.in
        DESTINATION lib/cmake/nearfar)
