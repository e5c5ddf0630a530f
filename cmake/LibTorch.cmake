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

add_library(nearfar_torch_library INTERFACE)
target_include_directories(nearfar_torch_library SYSTEM INTERFACE
                           ${TORCH_INCLUDE} ${TORCH_INCLUDE}/torch/csrc/api/include)
# at::parallel_for is silently serial in a file compiled without -fopenmp.
target_compile_options(nearfar_torch_library INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
target_link_libraries(nearfar_torch_library INTERFACE
                      ${TORCH_LIBRARY_DIR}/libtorch_cpu.so ${TORCH_LIBRARY_DIR}/libc10.so)
target_link_options(nearfar_torch_library INTERFACE -Wl,--allow-shlib-undefined
                    -Wl,-rpath,${TORCH_LIBRARY_DIR})
