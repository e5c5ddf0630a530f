// From the host to a device without waiting for what the device is doing.
#pragma once

#include <ATen/core/Tensor.h>

namespace nearfar {

/// A host tensor on `device`. On a GPU it travels through pinned memory, in the order of the
/// device's work: a copy from ordinary memory would make the host wait for all of that.
inline at::Tensor ship(const at::Tensor& host, at::Device device) {
  return device.is_cuda() ? host.pin_memory().to(device, /*non_blocking=*/true) : host;
}

}  // namespace nearfar
