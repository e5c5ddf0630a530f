// Batches on their way to the device: pixels in one copy, views as plain data in another.
#include "framework/train/device_renderer.h"

#include <ATen/Functions.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "augment/blur.h"
#include "framework/error.h"

namespace nearfar {
namespace {

/// Pictures of 224 x 224 that lie in 40 MB of L2 cache between the two kernels.
constexpr int kViewsAtOnce = 64;

/// The windows of rows as they will lie on the device, from `pixels` on.
std::vector<Image> place_windows(const std::vector<UnrenderedRow>& rows, const uint8_t*& pixels) {
  std::vector<Image> images;
  for (const UnrenderedRow& row : rows) {
    images.push_back(row.window);
    images.back().pixels = pixels;
    pixels += row.pixels.size();
  }
  return images;
}

/// The stream that LibTorch's work of this thread is ordered by, as the device's own library names
/// it.
void* current_stream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

}  // namespace

std::string device_policy_error(const ViewPolicy& policy) {
  const int reach = blur_reach(static_cast<int>(blur_taps(policy)), policy.blur_sigma_max);
  if (policy.blur == 0.0 || reach <= kMostRadius) return "";
  return "blur_kernel: a blur that reaches " + std::to_string(reach) +
         " pixels; a GPU renders at most " + std::to_string(kMostRadius) +
         "; lower blur_kernel or blur_sigma_max";
}

at::Tensor DeviceRenderer::stage(size_t bytes) const {
  const auto options = at::TensorOptions(at::kByte).pinned_memory(device_.is_cuda());
  return at::empty({static_cast<int64_t>(bytes)}, options);
}

at::Tensor DeviceRenderer::ship(const at::Tensor& staged) const {
  return staged.to(device_, /*non_blocking=*/true);
}

at::Tensor DeviceRenderer::ship_pixels(const ViewBatch& batch) const {
  size_t bytes = 0;
  for (const auto* rows : {&batch.rows, &batch.shuffled_rows}) {
    for (const UnrenderedRow& row : *rows) bytes += row.pixels.size();
  }
  const at::Tensor staged = stage(bytes);
  auto* place = staged.data_ptr<uint8_t>();
  for (const auto* rows : {&batch.rows, &batch.shuffled_rows}) {
    for (const UnrenderedRow& row : *rows) {
      place = std::copy(row.pixels.begin(), row.pixels.end(), place);
    }
  }
  return ship(staged);
}

void DeviceRenderer::render_into(float* out, const RenderTarget& target,
                                 const std::vector<Image>& images,
                                 const std::vector<View>& views) const {
  int reach = 0;
  for (const View& view : views)
    reach = std::max(reach, blur_reach(view.blur_kernel, view.blur_sigma));
  const auto count = static_cast<int>(views.size());
  const DevicePlan plan =
      make_device_plan(target, images[0].channels, reach, std::min(count, kViewsAtOnce));
  const at::Tensor staged = stage(views.size() * sizeof(DeviceView));
  describe_views(images, views, plan, static_cast<DeviceView*>(staged.data_ptr()));
  const at::Tensor described = ship(staged);
  const at::Tensor workspace = at::empty({static_cast<int64_t>(workspace_bytes(plan))},
                                         at::TensorOptions(at::kByte).device(device_));
  const char* error = render_(&plan, static_cast<const DeviceView*>(described.data_ptr()), count,
                              workspace.data_ptr(), out, current_stream(device_));
  if (error != nullptr) throw EnvironmentError(std::string("device=cuda: ") + error);
}

std::vector<at::Tensor> DeviceRenderer::render(const ViewBatch& batch) const {
  const c10::DeviceGuard guard(device_);  // kernels are launched on the current device
  const at::Tensor pixels = ship_pixels(batch);
  const uint8_t* place = pixels.data_ptr<uint8_t>();
  const std::vector<Image> in_order = place_windows(batch.rows, place);
  const std::vector<Image> shuffled = place_windows(batch.shuffled_rows, place);
  std::vector<at::Tensor> rendered;
  for (size_t v = 0; v < batch.targets.size(); ++v) {
    const RenderTarget& target = batch.targets[v];
    const bool is_shuffled = !batch.shuffled_views.empty() && batch.shuffled_views[v];
    std::vector<View> views;
    for (const UnrenderedRow& row : is_shuffled ? batch.shuffled_rows : batch.rows) {
      views.push_back(row.views[v]);
    }
    const at::Tensor out = at::empty(
        {static_cast<int64_t>(views.size()), target.size.height, target.size.width, batch.channels},
        at::TensorOptions(at::kFloat).device(device_));
    if (!views.empty()) {
      render_into(out.data_ptr<float>(), target, is_shuffled ? shuffled : in_order, views);
    }
    rendered.push_back(out.permute({0, 3, 1, 2}));
  }
  return rendered;
}

}  // namespace nearfar
