# LibTorch through an imported target of our own: the wheel's TorchConfig.cmake insists on nvcc and
# probes for a GPU. TORCH_DIR is the folder that holds include/ and lib/ (a Python package folder or an
# unpacked libtorch); tools/setup finds or installs it. An installed nearfar's find_package uses this file too:
# where LibTorch is not found, NEARFAR_TORCH_PROBLEM says so.
set(NEARFAR_TORCH_VERSION 2.11.0)
set(NEARFAR_TORCH_PROBLEM "")
if(NOT TORCH_DIR AND DEFINED ENV{TORCH_DIR})
  set(TORCH_DIR $ENV{TORCH_DIR})
endif()
# Where tools/setup puts what it fetches.
set(cache $ENV{XDG_CACHE_HOME})
if(NOT cache)
  set(cache $ENV{HOME}/.cache)
endif()
file(GLOB fetched ${cache}/nearfar/torch-${NEARFAR_TORCH_VERSION}/lib/python3*/site-packages/torch)
find_path(TORCH_INCLUDE torch/csrc/api/include/torch/types.h
          HINTS ${TORCH_DIR}/include PATHS ${CMAKE_PREFIX_PATH} ${NEARFAR_BUILT_WITH_TORCH} ${fetched}
          PATH_SUFFIXES include)
if(NOT TORCH_INCLUDE)
  set(NEARFAR_TORCH_PROBLEM "LibTorch ${NEARFAR_TORCH_VERSION} not found: run tools/setup, or give \
-DTORCH_DIR=FOLDER with include/ and lib/ inside")
  return()
endif()
get_filename_component(TORCH_ROOT ${TORCH_INCLUDE} DIRECTORY)
set(TORCH_LIBRARY_DIR ${TORCH_ROOT}/lib)

set(torch_version "")
foreach(part MAJOR MINOR PATCH)
  file(STRINGS ${TORCH_INCLUDE}/torch/headeronly/version.h line REGEX "define TORCH_VERSION_${part} ")
  string(REGEX MATCH "[0-9]+$" number "${line}")
  string(APPEND torch_version ".${number}")
endforeach()
string(SUBSTRING "${torch_version}" 1 -1 torch_version)
if(NOT torch_version STREQUAL NEARFAR_TORCH_VERSION)
  set(NEARFAR_TORCH_PROBLEM "LibTorch in ${TORCH_ROOT}: expected version ${NEARFAR_TORCH_VERSION}, \
found ${torch_version}")
  return()
endif()
if(TARGET nearfar_torch_library)
  return()
endif()

# at::parallel_for calls OpenMP from the file that it is written in: everything of ours links the very
# library that LibTorch does. Another one would have threads of its own; none, and an executable that
# is linked all the same calls address 0.
execute_process(COMMAND ${CMAKE_READELF} --dynamic ${TORCH_LIBRARY_DIR}/libtorch_cpu.so
                OUTPUT_VARIABLE torch_needs COMMAND_ERROR_IS_FATAL ANY)
if(NOT torch_needs MATCHES "\\(NEEDED\\)[^\n]*\\[(lib(gomp|iomp5|omp)[^]]*)\\]")
  message(FATAL_ERROR "${TORCH_LIBRARY_DIR}/libtorch_cpu.so: expected OpenMP's library among those that "
                      "it needs, found\n${torch_needs}")
endif()
find_library(TORCH_OPENMP NAMES ${CMAKE_MATCH_1}
             HINTS ${TORCH_LIBRARY_DIR} ${TORCH_ROOT}/../torch.libs REQUIRED)
get_filename_component(torch_openmp_folder ${TORCH_OPENMP} DIRECTORY)

add_library(nearfar_torch_library INTERFACE)
target_include_directories(nearfar_torch_library SYSTEM INTERFACE
                           ${TORCH_INCLUDE} ${TORCH_INCLUDE}/torch/csrc/api/include)
# at::parallel_for is silently serial in a file compiled without -fopenmp.
target_compile_options(nearfar_torch_library INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(nearfar_torch_library INTERFACE ${TORCH_LIBRARY_DIR}/libtorch_cpu.so
                      ${TORCH_LIBRARY_DIR}/libc10.so ${TORCH_OPENMP})
# LibTorch's own libraries may lack theirs (CUDA's, in a lean set), ours may not (-z defs).
target_link_options(nearfar_torch_library INTERFACE -Wl,--allow-shlib-undefined -Wl,-z,defs
                    -Wl,-rpath,${TORCH_LIBRARY_DIR} -Wl,-rpath,${torch_openmp_folder})
