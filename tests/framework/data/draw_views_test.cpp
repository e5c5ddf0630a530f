// Drawing of views: one stream a view, and the box around all crops.
#include "framework/data/draw_views.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

TEST(DrawViews, EachViewHasItsOwnStream) {
  const std::vector<ViewPolicy> policies = two_views();
  std::vector<View> views(7);  // what is in it goes
  draw_views(policies, 9, 3, 1234, {50, 60}, views);
  ASSERT_EQ(views.size(), 2u);
  for (size_t v = 0; v < 2; ++v) {
    Random random(9, 3, 1234, Purpose::view, static_cast<uint8_t>(v));
    const View expected = draw(policies[v], 50, 60, random);
    EXPECT_EQ(views[v].crop.top, expected.crop.top);
    EXPECT_EQ(views[v].crop.width, expected.crop.width);
    EXPECT_EQ(views[v].jitter[0].factor, expected.jitter[0].factor);
  }
}

TEST(DrawViews, TheUnionHoldsEveryPixelOfEveryCropAndNoEmptyEdge) {
  std::vector<View> views;
  for (int64_t index = 0; index < 200; ++index) {
    draw_views(two_views(), 1, 0, index, {37, 23}, views);
    std::vector<bool> rows(37), columns(23);
    for (const View& view : views) {
      for (int y = 0; y < view.crop.height; ++y)
        rows[static_cast<size_t>(view.crop.top + y)] = true;
      for (int x = 0; x < view.crop.width; ++x) {
        columns[static_cast<size_t>(view.crop.left + x)] = true;
      }
    }
    const auto first = [](const std::vector<bool>& set) {
      return static_cast<int>(std::find(set.begin(), set.end(), true) - set.begin());
    };
    const auto last = [](const std::vector<bool>& set) {
      return static_cast<int>(set.rend() - std::find(set.rbegin(), set.rend(), true)) - 1;
    };
    const Box box = union_of_crops(views);
    ASSERT_EQ(box.top, first(rows));
    ASSERT_EQ(box.left, first(columns));
    ASSERT_EQ(box.top + box.height - 1, last(rows));
    ASSERT_EQ(box.left + box.width - 1, last(columns));
  }
}

TEST(DrawViews, TheTargetIsThePolicys) {
  const std::vector<ViewPolicy> policies = two_views();
  Normalize normalize;
  normalize.mean[1] = 0.25f;
  EXPECT_EQ(target_of(policies[0], normalize).size.width, 8);
  EXPECT_EQ(target_of(policies[0], normalize).interpolation, Interpolation::bilinear);
  EXPECT_EQ(target_of(policies[1], normalize).interpolation, Interpolation::bicubic);
  EXPECT_EQ(target_of(policies[1], normalize).normalize.mean[1], 0.25f);
}

TEST(DrawViews, TargetsOfALargeBatchAreWrittenPastTheCaches) {
  const std::vector<ViewPolicy> policies = two_views();
  const int64_t row_bytes = (8 * 8 + 6 * 6) * 3 * 4;
  int64_t held = 1;
  while (!larger_than_caches(static_cast<size_t>((held + 1) * row_bytes))) ++held;
  for (const auto& [rows, past] : {std::pair{int64_t{1}, false}, {held, false}, {held + 1, true}}) {
    const std::vector<RenderTarget> targets = targets_of(policies, Normalize{}, rows, 3);
    ASSERT_EQ(targets.size(), 2u);
    for (const RenderTarget& target : targets) EXPECT_EQ(target.past_caches, past) << rows;
    EXPECT_EQ(targets[1].size.width, 6);
  }
}

}  // namespace
}  // namespace nearfar
