// The crop rule: rounding, acceptance, fallback, and that every box lies inside its image.
#include "augment/crop_tries.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "augment/view_policy.h"

namespace nearfar {
namespace {

int any_from(int low, int end) { return *rc::gen::resize(100, rc::gen::inRange(low, end)); }

double between(double low, double high) { return low + (high - low) * any_from(0, 10001) * 1e-4; }

CropTries all_tries(double area, double aspect) {
  CropTries tries;
  tries.fill({area, std::log(aspect)});
  return tries;
}

TEST(CropFromTries, RoundsHalfToEven) {
  const CropChoice down = crop_from_tries(5, 5, all_tries(0.25, 1.0), 0.75, 4.0 / 3.0);
  EXPECT_EQ(down.box.height, 2);  // 2.5
  EXPECT_EQ(down.box.width, 2);
  const CropChoice up = crop_from_tries(14, 14, all_tries(0.0625, 1.0), 0.75, 4.0 / 3.0);
  EXPECT_EQ(up.box.height, 4);  // 3.5
}

TEST(CropFromTries, TakesTheFirstThatFits) {
  CropTries tries = all_tries(1.0, 4.0);  // 100 wide in an image of 50
  tries[3] = {0.5, std::log(2.0)};
  tries[4] = {0.1, 0.0};
  const CropChoice choice = crop_from_tries(50, 50, tries, 0.5, 4.0);
  EXPECT_EQ(choice.accepted_try, 3);
  EXPECT_EQ(choice.box.height, 25);
  EXPECT_EQ(choice.box.width, 50);
  EXPECT_EQ(choice.box.top, -1);
  EXPECT_EQ(choice.box.left, -1);
}

TEST(CropFromTries, FallsBackToTheCentre) {
  const CropTries none = all_tries(1.0, 1.0);
  const CropChoice tall = crop_from_tries(300, 40, none, 0.75, 4.0 / 3.0);
  EXPECT_EQ(tall.accepted_try, -1);
  EXPECT_EQ(tall.box.height, 53);  // 40 / 0.75
  EXPECT_EQ(tall.box.width, 40);
  EXPECT_EQ(tall.box.top, 123);
  EXPECT_EQ(tall.box.left, 0);
  const CropChoice wide = crop_from_tries(20, 200, none, 0.75, 4.0 / 3.0);
  EXPECT_EQ(wide.box.height, 20);
  EXPECT_EQ(wide.box.width, 27);
  EXPECT_EQ(wide.box.top, 0);
  EXPECT_EQ(wide.box.left, 86);
  const CropChoice whole = crop_from_tries(30, 36, all_tries(4.0, 1.0), 0.75, 4.0 / 3.0);
  EXPECT_EQ(whole.box.height, 30);
  EXPECT_EQ(whole.box.width, 36);
}

RC_GTEST_PROP(DrawCrop, StaysInsideTheImage, ()) {
  const int height = any_from(0, 3) == 0 ? 1 : any_from(1, 700);
  const int width = any_from(0, 3) == 0 ? 1 : any_from(1, 700);
  ViewPolicy policy;
  policy.crop_min = between(1e-4, 1.0);
  policy.crop_max = between(policy.crop_min, 1.0);
  policy.aspect_min = std::pow(10.0, between(-2.0, 2.0));
  policy.aspect_max = std::pow(10.0, between(std::log10(policy.aspect_min), 2.0));
  Random random(any_from(0, 1 << 30), 0, 0, Purpose::view);
  const Box box = draw_crop(policy, height, width, random);
  RC_ASSERT(box.height >= 1);
  RC_ASSERT(box.width >= 1);
  RC_ASSERT(box.top >= 0);
  RC_ASSERT(box.left >= 0);
  RC_ASSERT(box.top + box.height <= height);
  RC_ASSERT(box.left + box.width <= width);
}

}  // namespace
}  // namespace nearfar
