// What libnearfar_cuda.so offers for updates: one pass over flat storage on a GPU.
#pragma once

#include "framework/optimize/update_pass.h"

extern "C" {

/// The pass on `stream` (a cudaStream_t) of the current device, with the arithmetic of
/// update_rule.h: norms where the rule needs them, one step a parameter, then parameters, state and
/// followers; two or three kernels, no allocation, no synchronisation, no random order of sums. All
/// pointers of the pass are to that device's memory. Returns null, or CUDA's words for why nothing
/// was launched.
const char* nearfar_cuda_update_float(const nearfar::UpdatePass<float>* pass, void* stream);
const char* nearfar_cuda_update_double(const nearfar::UpdatePass<double>* pass, void* stream);
}
