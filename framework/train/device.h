// Where a run computes: the CPU, or a GPU whose library is opened before any tensor exists.
#pragma once

#include <string>

#include "augment/render_cuda.h"
#include "distributed/backend.h"
#include "framework/optimize/optimizer.h"

namespace nearfar {

/// Whether an NVIDIA driver is loaded on this machine.
bool has_nvidia_driver();

/// "cpu" or "cuda" for device=auto|cpu|cuda: auto takes a GPU when driver and libnearfar_cuda.so
/// are there. Does not open anything.
std::string resolve_device(const std::string& wanted);

/// Opens libnearfar_cuda.so and runs its self-test. Must be called before any ATen call: a single
/// hasCUDA() or manual_seed before it freezes LibTorch's stub hooks for good. Throws
/// EnvironmentError with one sentence when the library, the driver or the device is missing.
void open_cuda();

/// The device of a resolve_device() name for the process that is `local_rank` among those of its
/// host; a GPU is opened and made the current one. Throws EnvironmentError where there are fewer
/// GPUs than such processes.
at::Device open_device(const std::string& name, int local_rank);

/// What makes collectives between GPUs, out of libnearfar_cuda.so. Precondition: open_cuda()
/// succeeded.
MakeBackend cuda_backend();

/// The renderer of libnearfar_cuda.so. Precondition: open_cuda() succeeded.
decltype(&nearfar_cuda_render_float) cuda_renderer();

/// The updates of libnearfar_cuda.so. Precondition: open_cuda() succeeded.
DeviceUpdate cuda_update();

/// Cores this process may use.
int available_cores();

}  // namespace nearfar
