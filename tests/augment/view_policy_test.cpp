// What a policy draws with a fixed amount of randomness, and which policies contradict themselves.
#include "augment/view_policy.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace nearfar {
namespace {

TEST(Draw, TakesTheSameAmountOfRandomnessWhateverComesOut) {
  ViewPolicy always, never;
  always.flip = always.jitter = always.grayscale = always.blur = always.solarize = 1.0;
  never.flip = never.jitter = never.grayscale = never.blur = never.solarize = 0.0;
  never.brightness = never.contrast = never.saturation = never.hue = 0.0;
  never.crop_min = never.crop_max = 1.0;
  for (uint64_t item = 0; item < 200; ++item) {
    std::set<uint64_t> following;
    for (const ViewPolicy& policy : {ViewPolicy(), always, never}) {
      for (const Size size : {Size{1, 1}, Size{8, 8}, Size{300, 7}, Size{50, 60}}) {
        Random random(4, 0, item, Purpose::view);
        draw(policy, size.height, size.width, random);
        following.insert(random.next_uint64());
      }
    }
    ASSERT_EQ(following.size(), 1u);
  }
}

TEST(Draw, KeepsOtherChoicesWhenOneProbabilityChanges) {
  ViewPolicy plain, flipped;
  plain.flip = 0.0;
  flipped.flip = 1.0;
  flipped.blur = 1.0;
  for (int item = 0; item < 100; ++item) {
    Random a(4, 0, item, Purpose::view), b(4, 0, item, Purpose::view);
    const View first = draw(plain, 50, 60, a), second = draw(flipped, 50, 60, b);
    ASSERT_NE(first.flip, second.flip);
    ASSERT_EQ(first.crop.top, second.crop.top);
    ASSERT_EQ(first.crop.width, second.crop.width);
    ASSERT_EQ(first.grayscale, second.grayscale);
    ASSERT_EQ(first.jitter_count, second.jitter_count);
    for (int i = 0; i < first.jitter_count; ++i)
      ASSERT_EQ(first.jitter[i].factor, second.jitter[i].factor);
    if (first.blur_kernel > 0) {
      ASSERT_EQ(first.blur_sigma, second.blur_sigma);
    }
  }
}

TEST(Draw, LeavesOutStepsThatChangeNothing) {
  ViewPolicy policy;
  policy.jitter = 1.0;
  policy.saturation = policy.hue = 0.0;
  Random random(1, 0, 0, Purpose::view);
  const View view = draw(policy, 8, 8, random);
  ASSERT_EQ(view.jitter_count, 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(view.jitter[i].kind, Jitter::saturation);
    EXPECT_NE(view.jitter[i].kind, Jitter::hue);
  }
}

TEST(BlurTaps, AreATenthOfTheSizeMadeOdd) {
  const std::map<int64_t, int64_t> taps{{224, 23}, {32, 3}, {28, 3}, {96, 9}, {100, 11}, {8, 3}};
  ViewPolicy policy;
  for (const auto& [size, expected] : taps) {
    policy.size = size;
    EXPECT_EQ(blur_taps(policy), expected) << size;
  }
  policy.blur_kernel = 5;
  EXPECT_EQ(blur_taps(policy), 5);
}

TEST(PolicyError, NamesTheFieldThatContradicts) {
  const auto error = [](auto change) {
    ViewPolicy policy;
    change(policy);
    return policy_error(policy);
  };
  EXPECT_EQ(error([](ViewPolicy&) {}), "");
  EXPECT_EQ(error([](ViewPolicy& p) { p.crop_max = 0.05; }),
            "crop_min: 0.08 is above crop_max 0.05");
  EXPECT_EQ(error([](ViewPolicy& p) { p.aspect_min = 2; }),
            "aspect_min: 2 is above aspect_max 1.33333");
  EXPECT_EQ(error([](ViewPolicy& p) { p.blur_sigma_max = 0.05; }),
            "blur_sigma_min: 0.1 is above blur_sigma_max 0.05");
  EXPECT_EQ(error([](ViewPolicy& p) { p.blur_kernel = 4; }), "blur_kernel: 4 is not odd");
  EXPECT_EQ(error([](ViewPolicy& p) { p.size = p.blur_kernel = 9; }), "");
  EXPECT_EQ(error([](ViewPolicy& p) {
              p.size = 4;
              p.blur_kernel = 9;
            }),
            "blur_kernel: 9 taps reach over a size of 4");
  EXPECT_EQ(error([](ViewPolicy& p) {
              p.size = 4;
              p.blur_kernel = 9;
              p.blur = 0.0;
            }),
            "");
}

}  // namespace
}  // namespace nearfar
