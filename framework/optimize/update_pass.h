// One update over flat storage as plain data: what the loops of the CPU and the kernels read.
#pragma once

#include <cstdint>

#include "framework/optimize/update_rule.h"

namespace nearfar {

/// Elements of one parameter that are moved together. Chunks lie in the order of the storage.
struct Chunk {
  int64_t begin = 0;
  int64_t end = 0;
  int32_t parameter = 0;
  int32_t first_target = 0;
  int32_t targets = 0;
};

/// Where a parameter's chunks lie, and its group.
struct ParameterPlace {
  int32_t first_chunk = 0;
  int32_t chunks = 0;
  int32_t group = 0;
};

/// A network's elements that follow a chunk.
struct ChunkTarget {
  void* values = nullptr;
  int64_t follower = 0;
};

/// Everything of one step. All pointers are to the memory of the device that runs it.
template <typename T>
struct UpdatePass {
  Rule rule;
  StepNumbers step;
  const GroupRule* groups = nullptr;
  const ParameterPlace* places = nullptr;
  int64_t parameter_count = 0;
  const Chunk* chunks = nullptr;
  int64_t chunk_count = 0;
  const ChunkTarget* targets = nullptr;
  T* parameters = nullptr;
  const T* gradients = nullptr;
  T* first = nullptr;                 // momentum or first moment; null where the rule has none
  T* second = nullptr;                // second moment
  const float* not_finite = nullptr;  // [1]: 0, or 1 where nothing may move
  const double* all_norm = nullptr;   // [1]: of all gradients; null where nothing is clipped by it
  const int64_t* steps = nullptr;     // [1]: updates made before
  SquareSums* sums = nullptr;         // [chunk_count] of the chunks, where the rule needs them
  Coefficients* coefficients = nullptr;  // [parameter_count]
};

/// What clipping by the norm of all gradients multiplies them by.
template <typename T>
NEARFAR_HOST_DEVICE inline double all_clip_factor(const UpdatePass<T>& pass) {
  return pass.all_norm == nullptr ? 1.0 : clip_factor(pass.rule, *pass.all_norm);
}

/// The weight decay of the group of a parameter.
template <typename T>
NEARFAR_HOST_DEVICE inline double decay_of(const UpdatePass<T>& pass, int64_t parameter) {
  return decay_of(pass.groups[pass.places[parameter].group], pass.step);
}

/// The step of a parameter whose sums are known.
template <typename T>
NEARFAR_HOST_DEVICE inline Coefficients coefficients(const UpdatePass<T>& pass, int64_t parameter,
                                                     const SquareSums& sums) {
  return coefficients(pass.rule, pass.groups[pass.places[parameter].group], pass.step, sums,
                      pass.all_norm == nullptr ? 0.0 : *pass.all_norm, *pass.steps);
}

}  // namespace nearfar
