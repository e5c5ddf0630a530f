// The loops over a chunk's elements on the CPU, one table of them for each instruction set.
#pragma once

#include <vector>

#include "framework/optimize/update_pass.h"

namespace nearfar {

/// The loops of one parameter type.
template <typename T>
struct ChunkLoops {
  /// The sums of squares of a chunk: in the parameters' type over blocks of 256 elements, those
  /// sums in double.
  SquareSums (*sums)(const UpdatePass<T>& pass, const Chunk& chunk);
  /// Moves the parameters and the state of a chunk, unless its group is frozen, then what follows.
  void (*move)(const UpdatePass<T>& pass, const Chunk& chunk, const Coefficients& c);
};

/// All tables compute the same bits: no sum is reordered and nothing is contracted to fused
/// multiply-adds.
struct UpdateKernels {
  const char* name;
  ChunkLoops<float> of_float;
  ChunkLoops<double> of_double;
};

/// The tables that this processor can run, from the most portable to the fastest.
const std::vector<const UpdateKernels*>& available_update_kernels();

/// Runs a pass on the CPU, over the threads of LibTorch. The same bits for any number of threads.
void run_on_cpu(const UpdatePass<float>& pass,
                const UpdateKernels& kernels = *available_update_kernels().back());
void run_on_cpu(const UpdatePass<double>& pass,
                const UpdateKernels& kernels = *available_update_kernels().back());

}  // namespace nearfar
