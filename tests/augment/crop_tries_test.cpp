// The crop rule: rounding, acceptance, fallback, equality with the naive rule in extreme shapes.
#include "augment/crop_tries.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>

#include "augment/view_policy.h"
#include "tests/augment/any.h"
#include "tests/augment/naive_crop.h"

namespace nearfar {
namespace {

CropTries all_tries(double area, double aspect) {
  CropTries tries;
  tries.fill({area, std::log(aspect)});
  return tries;
}

CropChoice crop_from_tries(int height, int width, const CropTries& tries, double aspect_min,
                           double aspect_max) {
  return choose_crop(height, width, aspect_min, aspect_max,
                     [next = tries.begin()]() mutable { return *next++; });
}

TEST(ChooseCrop, RoundsHalfToEven) {
  const CropChoice down = crop_from_tries(5, 5, all_tries(0.25, 1.0), 0.75, 4.0 / 3.0);
  EXPECT_EQ(down.box.height, 2);  // 2.5
  EXPECT_EQ(down.box.width, 2);
  const CropChoice up = crop_from_tries(14, 14, all_tries(0.0625, 1.0), 0.75, 4.0 / 3.0);
  EXPECT_EQ(up.box.height, 4);  // 3.5
}

TEST(ChooseCrop, TakesTheFirstThatFits) {
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

TEST(ChooseCrop, FallsBackToTheCentre) {
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

/// Sides of images where rules break: one pixel, lines, and anything.
Size any_size() {
  const std::array<Size, 8> extreme{
      {{1, 1}, {1, 4000}, {4000, 1}, {4000, 3}, {3, 4000}, {2, 2}, {4000, 3000}, {1, 2}}};
  const int which = any_from(0, 16);
  return which < 8 ? extreme[which] : Size{any_from(1, 700), any_from(1, 700)};
}

ViewPolicy any_crop_policy() {
  ViewPolicy policy;
  if (any_from(0, 2) == 0) return policy;
  policy.crop_min = any_between(1e-4, 1.0);
  policy.crop_max = any_between(policy.crop_min, 1.0);
  policy.aspect_min = std::pow(10.0, any_between(-2.0, 2.0));
  policy.aspect_max = std::pow(10.0, any_between(std::log10(policy.aspect_min), 2.0));
  return policy;
}

RC_GTEST_PROP(ChooseCrop, EqualsTheNaiveRule, ()) {
  const Size size = any_size();
  const ViewPolicy policy = any_crop_policy();
  CropTries tries;
  for (CropTry& each : tries) {
    each.area = any_between(policy.crop_min, policy.crop_max);
    each.log_aspect = any_between(std::log(policy.aspect_min), std::log(policy.aspect_max));
  }
  const CropChoice got =
      crop_from_tries(size.height, size.width, tries, policy.aspect_min, policy.aspect_max);
  const CropChoice expected =
      naive_choice(size.height, size.width, tries, policy.aspect_min, policy.aspect_max);
  RC_CLASSIFY(expected.accepted_try < 0, "fallback");
  RC_CLASSIFY(expected.accepted_try > 0, "later try");
  RC_ASSERT(got.accepted_try == expected.accepted_try);
  RC_ASSERT(got.box.top == expected.box.top);
  RC_ASSERT(got.box.left == expected.box.left);
  RC_ASSERT(got.box.height == expected.box.height);
  RC_ASSERT(got.box.width == expected.box.width);
}

RC_GTEST_PROP(DrawCrop, StaysInsideTheImage, ()) {
  const Size size = any_size();
  Random random(any_from(0, 1 << 30), 0, 0, Purpose::view);
  const Box box = draw_crop(any_crop_policy(), size.height, size.width, random);
  RC_ASSERT(box.height >= 1);
  RC_ASSERT(box.width >= 1);
  RC_ASSERT(box.top >= 0);
  RC_ASSERT(box.left >= 0);
  RC_ASSERT(box.top + box.height <= size.height);
  RC_ASSERT(box.left + box.width <= size.width);
}

}  // namespace
}  // namespace nearfar
