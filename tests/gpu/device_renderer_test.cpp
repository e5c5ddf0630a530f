// Batches rendered on a GPU as training does it: the loader's numbers, in the order of any stream.
#include "framework/train/device_renderer.h"

#include <ATen/Functions.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <gtest/gtest.h>

#include "framework/train/device.h"
#include "tests/framework/train/rendered_batches.h"

namespace nearfar {
namespace {

/// The GPU as the program opens it.
class GpuRendering : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_nvidia_driver()) GTEST_SKIP() << "no NVIDIA driver on this machine";
    open_cuda();
  }
};

TEST_F(GpuRendering, GivesWhatTheLoaderWouldHaveRendered) {
  const DeviceRenderer renderer(cuda_renderer(), at::kCUDA);
  for (int epoch = 0; epoch < 10; ++epoch) {
    expect_like_rendered(renderer, 3);
    expect_like_rendered(renderer, 1);
  }
}

/// A stream that does not wait for the device's default one, with enough to do that whatever
/// overtakes it reads pixels that have not arrived.
TEST_F(GpuRendering, FollowsTheCurrentStream) {
  const c10::impl::VirtualGuardImpl gpu(at::kCUDA);
  const DeviceRenderer renderer(cuda_renderer(), at::kCUDA);
  const c10::StreamGuard guard(gpu.getStreamFromGlobalPool(gpu.getDevice()));
  const at::Tensor matrix = at::ones({4096, 4096}, at::TensorOptions(at::kCUDA));
  at::Tensor product = matrix;
  for (int i = 0; i < 50; ++i) product = at::mm(product, matrix);
  expect_like_rendered(renderer, 3);
}

TEST_F(GpuRendering, RendersOnTheSecondGpuWhileTheFirstIsCurrent) {
  const c10::impl::VirtualGuardImpl gpu(at::kCUDA);
  if (gpu.deviceCount() < 2) GTEST_SKIP() << "one GPU on this machine";
  const at::Device second(at::kCUDA, 1);
  const DeviceRenderer renderer(cuda_renderer(), second);
  expect_like_rendered(renderer, 3);
  EXPECT_EQ(renderer.render(batches_of_an_epoch(3, false).front()).front().device(), second);
  EXPECT_EQ(gpu.getDevice(), at::Device(at::kCUDA, 0));
}

}  // namespace
}  // namespace nearfar
