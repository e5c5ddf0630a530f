# The inner loops of the renderer, of updates and of losses, compiled once for each instruction set and chosen at
# run time.
set(NEARFAR_KERNEL_SETS portable)
set(kernel_choice portable)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(APPEND NEARFAR_KERNEL_SETS avx2 avx512)
  set(kernel_choice x86_64)
endif()
set(NEARFAR_KERNEL_FLAGS_avx2 -march=x86-64-v3)
set(NEARFAR_KERNEL_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
file(GLOB NEARFAR_KERNEL_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/augment/kernels/*.cpp)
list(FILTER NEARFAR_KERNEL_SOURCES EXCLUDE REGEX "/(available|stream)_")
set(NEARFAR_KERNEL_CHOICE ${CMAKE_SOURCE_DIR}/augment/kernels/available_${kernel_choice}.cpp)
set(NEARFAR_LOOP_CHOICES
    ${CMAKE_SOURCE_DIR}/framework/optimize/kernels/available_${kernel_choice}.cpp
    ${CMAKE_SOURCE_DIR}/framework/losses/kernels/available_${kernel_choice}.cpp)

# No fused multiply-adds and no reordered sums: all sets compute the same bits. Pixels are finite
# numbers, and of the two zeros either will do.
set(NEARFAR_KERNEL_FLAGS -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math
    -ffinite-math-only -fno-signed-zeros)

# Object libraries PREFIX_SET of all sets, with further compile options; their objects are in PREFIX_OBJECTS.
function(nearfar_add_kernels prefix)
  set(objects)
  foreach(set ${NEARFAR_KERNEL_SETS})
    set(stream plain)
    if(set STREQUAL avx512)
      set(stream avx512)
    endif()
    add_library(${prefix}_${set} OBJECT ${NEARFAR_KERNEL_SOURCES}
                ${CMAKE_SOURCE_DIR}/augment/kernels/stream_${stream}.cpp)
    target_compile_definitions(${prefix}_${set} PRIVATE NEARFAR_KERNELS=${set})
    target_compile_options(${prefix}_${set} PRIVATE ${NEARFAR_KERNEL_FLAGS}
                           ${NEARFAR_KERNEL_FLAGS_${set}} ${ARGN})
    target_link_libraries(${prefix}_${set} PRIVATE nearfar_settings)
    list(APPEND objects $<TARGET_OBJECTS:${prefix}_${set}>)
  endforeach()
  set(${prefix}_OBJECTS ${objects} PARENT_SCOPE)
endfunction()

# One source of loops, with further compile options. Infinities and NaN count: they must be seen.
function(nearfar_add_loops prefix source)
  set(objects)
  foreach(set ${NEARFAR_KERNEL_SETS})
    add_library(${prefix}_${set} OBJECT ${CMAKE_SOURCE_DIR}/${source})
    target_compile_definitions(${prefix}_${set} PRIVATE NEARFAR_KERNELS=${set})
    target_compile_options(${prefix}_${set} PRIVATE -O3 -fno-math-errno -fno-trapping-math
                           ${NEARFAR_KERNEL_FLAGS_${set}} ${ARGN})
    target_link_libraries(${prefix}_${set} PRIVATE nearfar_settings)
    list(APPEND objects $<TARGET_OBJECTS:${prefix}_${set}>)
  endforeach()
  set(${prefix}_OBJECTS ${objects} PARENT_SCOPE)
endfunction()
