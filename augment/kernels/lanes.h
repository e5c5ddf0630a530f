// Vectors as wide as a register of the instruction set that the including file is compiled for.
#pragma once

#include "augment/kernels.h"

namespace nearfar::NEARFAR_KERNELS {

/// Floats in a register: the widest alignment that the compiler knows of is a register's.
constexpr int kLanes = __BIGGEST_ALIGNMENT__ / sizeof(float);

/// Whether any two registers can be shuffled in one instruction (AVX-512's vpermt2ps).
constexpr bool kShufflesFast = kLanes == kRowBlock;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
/// Indices into two registers.
typedef int Places __attribute__((vector_size(kLanes * sizeof(int))));
/// Room for one RGB pixel and a float that is not used.
typedef float PixelLanes __attribute__((vector_size(4 * sizeof(float))));

template <typename Vector, typename Value>
__attribute__((always_inline)) inline Vector load(const Value* from) {
  Vector vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}

template <typename Vector>
__attribute__((always_inline)) inline void store(Vector vector, float* to) {
  __builtin_memcpy(to, &vector, sizeof(vector));
}

}  // namespace nearfar::NEARFAR_KERNELS
