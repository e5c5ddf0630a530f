# libnearfar.so from two sets of objects, and the images library that is opened on demand.
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

function(nearfar_sources variable)
  set(all)
  foreach(folder ${ARGN})
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND all ${found})
  endforeach()
  set(${variable} ${all} PARENT_SCOPE)
endfunction()

add_library(nearfar_settings INTERFACE)
target_include_directories(nearfar_settings INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)

configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/nearfar/version.h)

set(NEARFAR_PLAIN_LIBRARIES nearfar_settings Threads::Threads ZLIB::ZLIB nlohmann_json::nlohmann_json
    PkgConfig::JPEG PkgConfig::XXHASH ${CMAKE_DL_LIBS})
nearfar_sources(plain_sources ${NEARFAR_PLAIN_FOLDERS})
list(APPEND plain_sources ${CMAKE_SOURCE_DIR}/distributed/shard.cpp ${NEARFAR_KERNEL_CHOICE})
set(NEARFAR_PLAIN_SOURCES ${plain_sources})
add_library(nearfar_plain OBJECT ${plain_sources})
target_link_libraries(nearfar_plain PUBLIC ${NEARFAR_PLAIN_LIBRARIES})

nearfar_sources(torch_sources ${NEARFAR_TORCH_FOLDERS})
list(REMOVE_ITEM torch_sources ${CMAKE_SOURCE_DIR}/distributed/shard.cpp
     ${CMAKE_SOURCE_DIR}/distributed/c10d_nccl.cpp)  # NCCL comes with libnearfar_cuda.so
add_library(nearfar_torch OBJECT ${torch_sources} ${CMAKE_SOURCE_DIR}/cmake/torch_anchor.cpp
            ${NEARFAR_LOOP_CHOICES})
target_link_libraries(nearfar_torch PUBLIC nearfar_settings nearfar_torch_library PkgConfig::XXHASH)
target_precompile_headers(nearfar_torch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/precompiled.h)
# Without NDEBUG, RecordFunction::inputs() asserts on a flag that the wheel's release build never sets.
set_source_files_properties(${CMAKE_SOURCE_DIR}/framework/train/operation_watch.cpp PROPERTIES
  COMPILE_DEFINITIONS NDEBUG SKIP_PRECOMPILE_HEADERS ON)

# The wheel exports Gloo's process group, but not the headers of Gloo that its header includes. Hidden:
# what this file would define of Gloo must not take the place of the wheel's own.
set_source_files_properties(${CMAKE_SOURCE_DIR}/distributed/c10d_gloo.cpp PROPERTIES
  COMPILE_DEFINITIONS USE_C10D_GLOO SKIP_PRECOMPILE_HEADERS ON
  INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/distributed/gloo_declarations
  COMPILE_OPTIONS "-fvisibility=hidden;-fvisibility-inlines-hidden")

nearfar_add_kernels(nearfar_kernels)
# An update computes the same bits on every processor; a loss uses fused multiply-adds where there are any.
nearfar_add_loops(nearfar_update framework/optimize/kernels/chunk_loops.cpp -ffp-contract=off)
nearfar_add_loops(nearfar_tiles framework/losses/kernels/tile_loops.cpp -ffp-contract=fast)
set(NEARFAR_PLAIN_OBJECTS $<TARGET_OBJECTS:nearfar_plain> ${nearfar_kernels_OBJECTS})
add_library(nearfar SHARED ${NEARFAR_PLAIN_OBJECTS} $<TARGET_OBJECTS:nearfar_torch>
            ${nearfar_update_OBJECTS} ${nearfar_tiles_OBJECTS})
target_link_libraries(nearfar PUBLIC ${NEARFAR_PLAIN_LIBRARIES} nearfar_torch_library)

# OpenCV pulls in a reference BLAS that would override LibTorch's: it lives in a library of its own,
# opened with RTLD_LOCAL at the first image that is not JPEG.
file(GLOB images_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/framework/data/images/*.cpp)
if(images_sources)
  add_library(nearfar_images MODULE ${images_sources})
  set_target_properties(nearfar_images PROPERTIES PREFIX lib)
  target_link_libraries(nearfar_images PRIVATE nearfar_settings nearfar_opencv)
endif()
