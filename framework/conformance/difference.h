// Where named tensors differ.
#pragma once

#include <string>

#include "framework/checkpoint/tensors.h"

namespace nearfar {

/// The value that differs most.
struct Difference {
  std::string name;
  double relative = 0.0;  // infinite where shapes differ or a value is no number
  double expected = 0.0;
  double found = 0.0;
};

/// What float64 sums in another order may make of a number in a few steps, through BatchNorm over
/// groups of three rows; mistakes are off by a ten-thousandth and more.
inline constexpr double kRounding = 1e-7;

/// The worst of all tensors, relative to the largest value of the expected one, or to `least` where
/// that is more. Tensors of integers differ by 1 or more, or not at all.
Difference worst_difference(const NamedTensors& expected, const NamedTensors& found, double least);

/// The same for gradients: `least` is a thousandth of the largest of all.
Difference worst_gradient(const NamedTensors& expected, const NamedTensors& found);

/// |found - expected| / |expected|; infinite where it is no number.
double relative_difference(double expected, double found);

/// The first tensor that has not the same bits in both, or nothing.
std::string first_other_bits(const NamedTensors& expected, const NamedTensors& found);

/// Tensors of their own with the same values.
NamedTensors copies_of(const NamedTensors& tensors);

/// "expected 0.25, found 0.5".
std::string to_words(double expected, double found);

}  // namespace nearfar
