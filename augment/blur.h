// The weights of a Gaussian blur and the reflection at the border, shared by the CPU and CUDA.
#pragma once

#include <cmath>

#include "augment/host_device.h"

namespace nearfar {

/// What a pixel at `distance` weighs in a Gaussian blur, beside 1 for the middle one.
NEARFAR_HOST_DEVICE inline double gaussian_value(int distance, double sigma) {
  return exp(-0.5 * distance * distance / (sigma * sigma));
}

/// How far a blur of `kernel` taps reaches in pixels: beyond this many sigmas lies 2^-24 of a
/// Gaussian, half of float32's resolution at 1. Farther taps are left out.
NEARFAR_HOST_DEVICE inline int blur_reach(int kernel, double sigma) {
  const double reach = 5.42 * sigma + 0.5;
  return reach < kernel / 2 ? static_cast<int>(reach) : kernel / 2;
}

/// Weights proportional to exp(-i^2 / (2 sigma^2)) for i = -kernel/2..kernel/2, with sum 1.
/// Preconditions: kernel odd, sigma > 0, room for `kernel` weights.
NEARFAR_HOST_DEVICE inline void gaussian_weights(int kernel, double sigma, float* weights) {
  const int radius = kernel / 2;
  double total = 1.0;
  for (int i = 1; i <= radius; ++i) total += 2.0 * gaussian_value(i, sigma);
  for (int i = 0; i <= radius; ++i) {
    const auto weight = static_cast<float>(gaussian_value(i, sigma) / total);
    weights[radius - i] = weight;
    weights[radius + i] = weight;
  }
}

/// The pixel that stands at `index` when the row is mirrored at its ends and the end pixels are not
/// repeated. Precondition: -size < index < 2 * size - 1.
NEARFAR_HOST_DEVICE inline int reflect(int index, int size) {
  if (index < 0) return -index;
  return index < size ? index : 2 * (size - 1) - index;
}

}  // namespace nearfar
