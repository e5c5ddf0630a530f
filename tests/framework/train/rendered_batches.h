// Batches of a loader that renders, and the same ones rendered on a device: equal, step by step.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "framework/train/device_renderer.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {

/// The batches of one epoch of 20 small pictures in steps of 6, the last one of 2. A rendering
/// loader's hold views, the other's what a device renders them from.
inline std::vector<ViewBatch> batches_of_an_epoch(int channels, bool render,
                                                  std::vector<bool> shuffled = {}) {
  const auto data = std::make_shared<MadeDataset>(20, channels, 20, 24, 4, std::set<int64_t>{});
  std::vector<ViewPolicy> policies = two_views();
  policies[1].jitter = 0.0;  // bicubic overshoot, where hue has a jump
  LoaderPlan plan = plan_of(6, 1);
  plan.drop_last = false;
  plan.normalize = {{0.5f, 0.4f, 0.3f}, {0.25f, 0.5f, 1.0f}};
  plan.render = render;
  plan.shuffled_views = std::move(shuffled);
  Log log;
  ViewLoader loader(data, policies, plan, log);
  return batches_of(loader, 1, 20, 4);
}

/// Expects the two views of `expected`, in channels-last layout. 4e-5: 1e-5 on the scale [0, 1]
/// divided by the smallest std.
inline void expect_rendered(const std::vector<at::Tensor>& views, const ViewBatch& expected) {
  ASSERT_EQ(views.size(), 2u);
  for (size_t v = 0; v < 2; ++v) {
    const int64_t side = v == 0 ? 8 : 6;
    const auto n = static_cast<int64_t>(expected.index.size());
    ASSERT_EQ(views[v].sizes(), (at::IntArrayRef{n, expected.channels, side, side}));
    const at::Tensor rows = views[v].permute({0, 2, 3, 1});
    ASSERT_TRUE(rows.is_contiguous());  // channels last
    const at::Tensor on_host = rows.cpu();
    const float* found = on_host.data_ptr<float>();
    for (const float value : expected.views[v]) ASSERT_NEAR(*found++, value, 4e-5);
  }
}

/// Expects of every step of an epoch what the rendering loader gives. No step waits for the one
/// before.
inline void expect_like_rendered(const DeviceRenderer& renderer, int channels,
                                 const std::vector<bool>& shuffled = {}) {
  const std::vector<ViewBatch> expected = batches_of_an_epoch(channels, true, shuffled);
  std::vector<std::vector<at::Tensor>> steps;
  for (const ViewBatch& batch : batches_of_an_epoch(channels, false, shuffled))
    steps.push_back(renderer.render(batch));
  for (size_t step = 0; step < 4; ++step) {
    EXPECT_EQ(expected[step].index.size(), step == 3 ? 2u : 6u);
    expect_rendered(steps[step], expected[step]);
  }
}

}  // namespace nearfar
