// What a launch on a device is planned for, and what it refuses.
#include "augment/device_plan.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "augment/device_finish.h"
#include "augment/device_resample.h"
#include "augment/device_view.h"

namespace nearfar {
namespace {

std::string refusal(const std::vector<Image>& images, const std::vector<View>& views,
                    const DevicePlan& plan) {
  std::vector<DeviceView> device_views(views.size());
  try {
    describe_views(images, views, plan, device_views.data());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(DescribeViews, RefusesWhatThePlanDoesNotHold) {
  std::vector<Image> images(2, whole_image(nullptr, 20, 20, 3));  // an address on the device
  std::vector<View> views(2);
  for (View& view : views) view.crop = {0, 0, 20, 20};
  const DevicePlan plan = make_device_plan({{20, 20}, Interpolation::bilinear, {}}, 3, 2, 2);
  EXPECT_EQ(refusal(images, views, plan), "");
  View& view = views[1];
  view.blur_kernel = 7;
  view.blur_sigma = 0.4;  // three pixels weigh something, the third does not
  EXPECT_EQ(refusal(images, views, plan), "");
  view.blur_sigma = 5.0;
  EXPECT_EQ(refusal(images, views, plan),
            "describe_views: view 1: expected a blur that reaches 2 pixels as planned, got 3");
  view.blur_kernel = 0;
  view.jitter_count = 3;
  view.jitter = {{{Jitter::contrast, 1.1}, {Jitter::hue, 0.1}, {Jitter::contrast, 1.2}, {}}};
  EXPECT_EQ(refusal(images, views, plan),
            "describe_views: view 1: expected at most one contrast step on a device, got 2");
  view.jitter_count = 1;
  view.crop.top = 1;
  EXPECT_NE(refusal(images, views, plan).find("inside the decoded window"), std::string::npos);
  view.crop.top = 0;
  for (Image& image : images) image.channels = 1;
  EXPECT_EQ(refusal(images, views, plan),
            "describe_views: view 0: expected 3 channels as planned, got 1");
}

TEST(DevicePlan, RefusesWhatNoDeviceHasRoomFor) {
  const auto refusal_of = [](Size size, int channels, int radius, int at_once) -> std::string {
    try {
      make_device_plan({size, Interpolation::bilinear, {}}, channels, radius, at_once);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal_of({4096, 1}, 3, 127, 65535), "");
  EXPECT_EQ(refusal_of({4097, 1}, 3, 0, 1),
            "make_device_plan: expected a height of 1 to 4096, got 4097");
  EXPECT_EQ(refusal_of({1, 0}, 3, 0, 1), "make_device_plan: expected a width of 1 to 4096, got 0");
  EXPECT_EQ(refusal_of({1, 1}, 2, 0, 1), "make_device_plan: expected 1 or 3 channels, got 2");
  EXPECT_EQ(refusal_of({1, 1}, 3, 128, 1),
            "make_device_plan: expected a blur radius of 0 to 127, got 128");
  EXPECT_EQ(refusal_of({1, 1}, 3, 0, 0),
            "make_device_plan: expected 1 to 65535 views at once, got 0");
}

/// 64 KB is what a block can have on every listed architecture, 48 KB without asking for it.
TEST(DevicePlan, FitsInSharedMemory) {
  EXPECT_LE(sizeof(ResampleShared), 32u * 1024);
  for (int width = 1; width <= 4096; width = width * 5 / 4 + 1) {
    for (int radius = 0; radius <= kMostRadius; ++radius) {
      const RenderTarget target{{64, width}, Interpolation::bilinear, {}};
      const DevicePlan plan = make_device_plan(target, 3, radius, 1);
      const size_t bytes = strip_bytes(plan) + sizeof(FinishShared);
      ASSERT_LE(bytes, radius <= 90 ? 48u * 1024 : 64u * 1024) << width << " " << radius;
    }
  }
}

}  // namespace
}  // namespace nearfar
