// Inputs for any formula, made from what it declares.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/formulas/formula.h"

namespace nearfar {

/// How inputs degenerate.
enum class Oddity {
  none,
  identical_rows,  // every embedding is the same
  zero_rows,       // every embedding is zero
  one_class,       // every label is 0
  one_row,         // N = 1, and B = 1
  near_rows,       // embeddings differ by a ten-thousandth of their length
  large_rows,      // of length 1e4 a dimension
  tiny_rows,       // of length 1e-6 a dimension
  wide_rows,       // of 512 dimensions
  wider_rows,      // of 2048
  many_rows,       // as many of each kind as the sizes of tiles call for, of 16 dimensions
};

/// Inputs of any formula: sizes and values are drawn from the seed; indices lie where their names
/// demand (a label below C, a noise item below the bank's n). float64.
TensorsByName made_up_inputs(const Formula& formula, uint64_t seed, Oddity oddity = Oddity::none);

}  // namespace nearfar
