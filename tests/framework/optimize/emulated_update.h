// The blocks of the update's kernels, one after the other on the host: what a GPU must compute.
#pragma once

#include <cmath>
#include <vector>

#include "framework/optimize/optimizer.h"
#include "framework/optimize/update_device.h"

namespace nearfar {

/// As nearfar_cuda_update_*, over host memory. What a GPU finds undefined begins as NaN.
template <typename T>
const char* emulated_update(const UpdatePass<T>* pass, void*) {
  std::vector<SumsShared> shared(1);
  const auto forget = [&] {
    for (SquareSums& sums : shared[0].of_thread) sums = {NAN, NAN, NAN};
  };
  for (int64_t c = 0; c < pass->chunk_count && needs_sums(pass->rule); ++c) {
    forget();
    sum_chunk(*pass, c, shared[0]);
  }
  for (int64_t p = 0; p < pass->parameter_count; ++p) {
    forget();
    find_coefficients(*pass, p, shared[0]);
  }
  for (int64_t c = 0; c < pass->chunk_count; ++c) move_chunk_on_device(*pass, c);
  return nullptr;
}

inline DeviceUpdate emulated_device() { return {emulated_update<float>, emulated_update<double>}; }

}  // namespace nearfar
