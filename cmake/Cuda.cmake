# libnearfar_cuda.so: every .cu file, opened by the program only when a GPU is asked for.
include(CheckLanguage)
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75 80 90 100)
endif()
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(STATUS "nvcc not found: libnearfar_cuda.so is not built")
  return()
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc speaks C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_EXTENSIONS OFF)
find_package(CUDAToolkit REQUIRED)
file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/augment/*.cu
     ${CMAKE_SOURCE_DIR}/framework/optimize/*.cu ${CMAKE_SOURCE_DIR}/framework/cuda/*.cpp)
if(cuda_sources)
  set(NEARFAR_CUDA_VERSION ${CUDAToolkit_VERSION_MAJOR}.${CUDAToolkit_VERSION_MINOR})
  # The self-test makes views ready for the device as the program does.
  add_library(nearfar_cuda MODULE ${cuda_sources} ${CMAKE_SOURCE_DIR}/augment/device_view.cpp
              ${CMAKE_SOURCE_DIR}/augment/view_error.cpp)
  set_target_properties(nearfar_cuda PROPERTIES PREFIX lib)
  target_compile_options(nearfar_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-fPIC>)
  target_link_libraries(nearfar_cuda PRIVATE nearfar_settings CUDA::cudart)
  # LibTorch's GPU half comes in through this library alone.
  if(EXISTS ${TORCH_LIBRARY_DIR}/libtorch_cuda.so)
    target_link_libraries(nearfar_cuda PRIVATE -Wl,--no-as-needed
                          ${TORCH_LIBRARY_DIR}/libtorch_cuda.so ${TORCH_LIBRARY_DIR}/libc10_cuda.so)
    # The headers of the very NCCL that LibTorch opens come with its wheel.
    find_path(NCCL_INCLUDE nccl.h HINTS ${TORCH_ROOT}/../nvidia/nccl/include ${CUDAToolkit_INCLUDE_DIRS}
              NO_DEFAULT_PATH)
    find_path(NCCL_INCLUDE nccl.h)
    if(NCCL_INCLUDE)
      target_sources(nearfar_cuda PRIVATE ${CMAKE_SOURCE_DIR}/distributed/c10d_nccl.cpp)
      set_source_files_properties(${CMAKE_SOURCE_DIR}/distributed/c10d_nccl.cpp PROPERTIES
        COMPILE_DEFINITIONS USE_C10D_NCCL
        COMPILE_OPTIONS "-isystem;${NCCL_INCLUDE};-isystem;${TORCH_INCLUDE};-isystem;${TORCH_INCLUDE}/torch/csrc/api/include")
      target_link_libraries(nearfar_cuda PRIVATE ${TORCH_LIBRARY_DIR}/libtorch_cpu.so
                            ${TORCH_LIBRARY_DIR}/libc10.so)
    else()
      message(STATUS "nccl.h not found: libnearfar_cuda.so is built without collectives")
    endif()
    target_link_options(nearfar_cuda PRIVATE -Wl,--allow-shlib-undefined
                        -Wl,-rpath,${TORCH_LIBRARY_DIR})
  endif()
endif()
