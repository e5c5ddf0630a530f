// Batches that travel to a device unrendered; the device here is the host, its renderer the
// kernels' own code.
#include "framework/train/device_renderer.h"

#include <gtest/gtest.h>

#include "augment/device_emulation.h"
#include "framework/error.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

const char* render_on_host(const DevicePlan* plan, const DeviceView* views, int count, void*,
                           float* out, void*) {
  if (plan->channels == 1) render_like_device<1>(*plan, views, count, out);
  if (plan->channels == 3) render_like_device<3>(*plan, views, count, out);
  return nullptr;
}

const char* fail_to_launch(const DevicePlan*, const DeviceView*, int, void*, float*, void*) {
  return "out of memory";
}

/// 4e-5: 1e-5 on the scale [0, 1] divided by the smallest std.
void expect_like_rendered(int channels) {
  const auto data = std::make_shared<MadeDataset>(20, channels, 20, 24, 4, std::set<int64_t>{});
  std::vector<ViewPolicy> policies = two_views();
  policies[1].jitter = 0.0;  // bicubic overshoot, where hue has a jump
  LoaderPlan plan = plan_of(6, 1);
  plan.drop_last = false;
  plan.normalize = {{0.5f, 0.4f, 0.3f}, {0.25f, 0.5f, 1.0f}};
  Log log;
  ViewLoader rendering(data, policies, plan, log);
  const std::vector<ViewBatch> expected = batches_of(rendering, 1, 20, 4);
  plan.render = false;
  ViewLoader loader(data, policies, plan, log);
  const DeviceRenderer renderer(render_on_host, at::kCPU);
  const std::vector<ViewBatch> batches = batches_of(loader, 1, 20, 4);
  for (size_t step = 0; step < 4; ++step) {
    const std::vector<at::Tensor> views = renderer.render(batches[step]);
    ASSERT_EQ(views.size(), 2u);
    for (size_t v = 0; v < 2; ++v) {
      const int64_t side = v == 0 ? 8 : 6;
      const int64_t n = step == 3 ? 2 : 6;
      ASSERT_EQ(views[v].sizes(), (at::IntArrayRef{n, channels, side, side}));
      const at::Tensor rows = views[v].permute({0, 2, 3, 1});
      ASSERT_TRUE(rows.is_contiguous());  // channels last
      const float* found = rows.data_ptr<float>();
      for (const float value : expected[step].views[v]) ASSERT_NEAR(*found++, value, 4e-5);
    }
  }
}

TEST(DeviceRenderer, GivesWhatTheLoaderWouldHaveRendered) {
  expect_like_rendered(3);
  expect_like_rendered(1);
}

TEST(DeviceRenderer, GivesEmptyViewsForAPieceWithoutRows) {
  ViewBatch batch;
  batch.channels = 3;
  batch.targets.push_back({{8, 8}, Interpolation::bilinear, {}});
  const std::vector<at::Tensor> views = DeviceRenderer(fail_to_launch, at::kCPU).render(batch);
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].sizes(), (at::IntArrayRef{0, 3, 8, 8}));
}

TEST(DeviceRenderer, PassesTheDevicesWordsOn) {
  const auto data = std::make_shared<MadeDataset>(4, 3, 20, 24, 4, std::set<int64_t>{});
  LoaderPlan plan = plan_of(4, 1);
  plan.render = false;
  Log log;
  ViewLoader loader(data, two_views(), plan, log);
  const DeviceRenderer renderer(fail_to_launch, at::kCPU);
  try {
    renderer.render(batches_of(loader, 1, 4, 1).front());
    FAIL() << "accepted";
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(), "device=cuda: out of memory");
  }
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
