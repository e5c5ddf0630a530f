// Views rendered where the networks compute: 8-bit pixels travel to the device, and nothing else.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "augment/render_cuda.h"
#include "framework/data/loader.h"

namespace nearfar {

/// Why a device cannot render what the policy draws, as "field: what is wrong", or an empty string.
std::string device_policy_error(const ViewPolicy& policy);

/// Takes unrendered batches to the device of the networks. LibTorch's current stream of that device
/// orders what is copied, rendered and then read by the networks: no step waits for it on the host.
class DeviceRenderer {
 public:
  using Render = decltype(&nearfar_cuda_render_float);

  /// `device` without an index is the one that is current when a batch is rendered.
  DeviceRenderer(Render render, at::Device device) : render_(render), device_(device) {}

  /// One tensor [n, channels, height, width] in channels-last layout for each view of the batch.
  /// Throws EnvironmentError with the device's words.
  std::vector<at::Tensor> render(const ViewBatch& batch) const;

 private:
  at::Tensor stage(size_t bytes) const;
  at::Tensor ship(const at::Tensor& staged) const;
  at::Tensor ship_pixels(const ViewBatch& batch) const;
  void render_into(float* out, const RenderTarget& target, const std::vector<Image>& images,
                   const std::vector<View>& views) const;

  Render render_;
  at::Device device_;
};

}  // namespace nearfar
