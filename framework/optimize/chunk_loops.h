// The loops over a chunk's elements on the CPU.
#pragma once

#include "framework/optimize/update_pass.h"

namespace nearfar {

/// The sums of squares of a chunk: in the parameters' type over blocks of 256 elements, those in
/// double.
SquareSums chunk_sums(const UpdatePass<float>& pass, const Chunk& chunk);
SquareSums chunk_sums(const UpdatePass<double>& pass, const Chunk& chunk);

/// Moves the parameters and the state of a chunk, unless its group is frozen, then what follows.
void move_chunk(const UpdatePass<float>& pass, const Chunk& chunk, const Coefficients& c);
void move_chunk(const UpdatePass<double>& pass, const Chunk& chunk, const Coefficients& c);

}  // namespace nearfar
