// Batches that travel to a device unrendered; the device here is the host, its renderer the
// kernels' own code.
#include "framework/train/device_renderer.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <gtest/gtest.h>

#include <utility>

#include "augment/device_emulation.h"
#include "framework/error.h"
#include "tests/framework/train/rendered_batches.h"

namespace nearfar {
namespace {

const at::Device kDevice(at::kCPU, 0);
const at::Device kOtherDevice(at::kCPU, -1);

/// A host with a current device, and for each device a current stream with a handle, as GPUs have.
struct HostWithStreams final : c10::impl::NoOpDeviceGuardImpl<at::kCPU> {
  at::Device exchangeDevice(at::Device device) const override {
    return std::exchange(current, device);
  }
  at::Device getDevice() const override { return current; }
  void setDevice(at::Device device) const override { current = device; }
  void uncheckedSetDevice(at::Device device) const noexcept override { current = device; }
  c10::Stream getStream(at::Device device) const noexcept override {
    return c10::Stream(c10::Stream::UNSAFE, device, device == kDevice ? 7 : 3);
  }
  void* getStreamNativeHandle(c10::Stream stream) const override {
    return stream.id() == 7 ? &stream_of_device : nullptr;
  }

  mutable at::Device current = kOtherDevice;
  mutable char stream_of_device = 0;
};

/// The host with streams stands in for LibTorch's own while a test runs.
class DeviceRendering : public testing::Test {
 protected:
  void SetUp() override {
    host.current = kOtherDevice;
    c10::impl::DeviceGuardImplRegistrar(at::kCPU, &host);
  }
  void TearDown() override { c10::impl::DeviceGuardImplRegistrar(at::kCPU, plain_host_); }

  static inline HostWithStreams host;

 private:
  const c10::impl::DeviceGuardImplInterface* plain_host_ = c10::impl::getDeviceGuardImpl(at::kCPU);
};

const char* render_on_host(const DevicePlan* plan, const DeviceView* views, int count, void*,
                           float* out, void*) {
  if (plan->channels == 1) render_like_device<1>(*plan, views, count, out);
  if (plan->channels == 3) render_like_device<3>(*plan, views, count, out);
  return nullptr;
}

const char* fail_to_launch(const DevicePlan*, const DeviceView*, int, void*, float*, void*) {
  return "out of memory";
}

TEST_F(DeviceRendering, GivesWhatTheLoaderWouldHaveRendered) {
  const DeviceRenderer renderer(render_on_host, kDevice);
  expect_like_rendered(renderer, 3);
  expect_like_rendered(renderer, 1);
  expect_like_rendered(renderer, 3, {false, true});
}

TEST_F(DeviceRendering, LaunchesOnItsDeviceAndThatDevicesCurrentStream) {
  static int launches;
  launches = 0;
  const auto look_where = [](const DevicePlan*, const DeviceView*, int, void*, float*,
                             void* stream) -> const char* {
    ++launches;
    EXPECT_EQ(host.current, kDevice);
    EXPECT_EQ(stream, &host.stream_of_device);
    return nullptr;
  };
  DeviceRenderer(look_where, kDevice).render(batches_of_an_epoch(3, false).front());
  EXPECT_EQ(launches, 2);  // one a view
  EXPECT_EQ(host.current, kOtherDevice);
}

TEST_F(DeviceRendering, GivesEmptyViewsForAPieceWithoutRows) {
  ViewBatch batch;
  batch.channels = 3;
  batch.targets.push_back({{8, 8}, Interpolation::bilinear, {}});
  const std::vector<at::Tensor> views = DeviceRenderer(fail_to_launch, kDevice).render(batch);
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].sizes(), (at::IntArrayRef{0, 3, 8, 8}));
}

TEST_F(DeviceRendering, PassesTheDevicesWordsOnAndGoesBackToTheDeviceBefore) {
  const DeviceRenderer renderer(fail_to_launch, kDevice);
  try {
    renderer.render(batches_of_an_epoch(3, false).front());
    FAIL() << "accepted";
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(), "device=cuda: out of memory");
  }
  EXPECT_EQ(host.current, kOtherDevice);
}

TEST(DeviceRenderer, RefusesPoliciesThatBlurTooFar) {
  ViewPolicy policy;
  policy.size = 1024;
  policy.blur_kernel = 255;
  policy.blur_sigma_max = 100.0;
  EXPECT_EQ(device_policy_error(policy), "");
  policy.size = 4096;
  policy.blur_kernel = 0;  // 409 taps
  EXPECT_EQ(device_policy_error(policy),
            "blur_kernel: a blur that reaches 204 pixels; a GPU renders at most 127; lower "
            "blur_kernel or blur_sigma_max");
  policy.blur_sigma_max = 2.0;
  EXPECT_EQ(device_policy_error(policy), "");
}

}  // namespace
}  // namespace nearfar
