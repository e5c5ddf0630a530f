// Views are drawn from the distributions that the policy names, with a fixed amount of randomness.
// All seeds are fixed; the stated bounds would be exceeded by chance for one seed in a million.
#include "augment/view_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace nearfar {
namespace {

constexpr int kDraws = 20000;

std::vector<View> draw_many(const ViewPolicy& policy, int height, int width) {
  std::vector<View> views;
  for (int i = 0; i < kDraws; ++i) {
    Random random(2026, 1, i, Purpose::view);
    views.push_back(draw(policy, height, width, random));
  }
  return views;
}

/// Kolmogorov and Smirnov's distance to the uniform distribution on [low, high]; the bound is
/// sqrt(ln(2 / alpha) / (2 n)) at alpha = 1e-6.
void expect_uniform(std::vector<double> samples, double low, double high) {
  ASSERT_GE(samples.size(), 1000u);
  std::sort(samples.begin(), samples.end());
  EXPECT_GE(samples.front(), low);
  EXPECT_LE(samples.back(), high);
  const auto count = static_cast<double>(samples.size());
  double distance = 0.0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const double expected = (samples[i] - low) / (high - low);
    distance = std::max({distance, std::abs(expected - static_cast<double>(i) / count),
                         std::abs(expected - static_cast<double>(i + 1) / count)});
  }
  EXPECT_LT(distance, std::sqrt(std::log(2e6) / (2.0 * count)));
}

template <typename Value>
std::vector<double> collect(const std::vector<View>& views, Value value) {
  std::vector<double> samples;
  for (const View& view : views) samples.push_back(value(view));
  return samples;
}

double chi_square(const std::map<int, int>& counts, int cells) {
  const double expected = static_cast<double>(kDraws) / cells;
  double sum = (cells - static_cast<double>(counts.size())) * expected;
  for (const auto& [cell, count] : counts) sum += std::pow(count - expected, 2) / expected;
  return sum;
}

TEST(DrawCrop, HasUniformAreaLogAspectAndPosition) {
  ViewPolicy policy;
  policy.crop_min = 0.1;
  policy.crop_max = 0.5;        // fits at every aspect, so that no try is rejected
  const double side = 30000.0;  // large, so that rounding is far below the bounds
  const auto views = draw_many(policy, 30000, 30000);
  const auto area = [=](const View& v) { return v.crop.height / side * (v.crop.width / side); };
  const auto aspect = [](const View& v) { return std::log(1.0 * v.crop.width / v.crop.height); };
  expect_uniform(collect(views, area), 0.0999, 0.5001);
  expect_uniform(collect(views, aspect), std::log(0.7499), std::log(1.3335));
  expect_uniform(
      collect(views, [](const View& v) { return (v.crop.top + 0.5) / (30001 - v.crop.height); }),
      0.0, 1.0);
  expect_uniform(
      collect(views, [](const View& v) { return (v.crop.left + 0.5) / (30001 - v.crop.width); }),
      0.0, 1.0);
}

TEST(DrawCrop, ReachesEveryPositionEquallyOften) {
  ViewPolicy policy;
  policy.crop_min = policy.crop_max = 0.25;
  policy.aspect_min = policy.aspect_max = 1.0;
  std::map<int, int> counts;
  for (const View& view : draw_many(policy, 4, 4)) {
    ASSERT_EQ(view.crop.height, 2);
    ++counts[view.crop.top * 3 + view.crop.left];
  }
  EXPECT_LT(chi_square(counts, 9), 42.7);  // 8 degrees of freedom, alpha = 1e-6
}

TEST(Draw, ShufflesTheJitterSteps) {
  ViewPolicy policy;
  policy.jitter = 1.0;
  std::map<int, int> counts;
  for (const View& view : draw_many(policy, 8, 8)) {
    ASSERT_EQ(view.jitter_count, 4);
    int code = 0;
    std::set<Jitter> kinds;
    for (const JitterStep& step : view.jitter) {
      code = 4 * code + static_cast<int>(step.kind);
      kinds.insert(step.kind);
    }
    ASSERT_EQ(kinds.size(), 4u);
    ++counts[code];
  }
  EXPECT_LT(chi_square(counts, 24), 71.3);  // 23 degrees of freedom, alpha = 1e-6
}

TEST(Draw, HasUniformFactorsAndSigma) {
  ViewPolicy policy;
  policy.jitter = policy.blur = 1.0;
  policy.brightness = 0.8;
  policy.contrast = 1.5;
  policy.saturation = 0.4;
  policy.hue = 0.1;
  const auto views = draw_many(policy, 8, 8);
  const auto factor_of = [](Jitter kind) {
    return [kind](const View& view) {
      return std::find_if(view.jitter.begin(), view.jitter.end(),
                          [kind](const JitterStep& step) { return step.kind == kind; })
          ->factor;
    };
  };
  expect_uniform(collect(views, factor_of(Jitter::brightness)), 0.2, 1.8);
  expect_uniform(collect(views, factor_of(Jitter::contrast)), 0.0, 2.5);
  expect_uniform(collect(views, factor_of(Jitter::saturation)), 0.6, 1.4);
  expect_uniform(collect(views, factor_of(Jitter::hue)), -0.1, 0.1);
  expect_uniform(collect(views, [](const View& view) { return view.blur_sigma; }), 0.1, 2.0);
}

TEST(Draw, MeetsItsProbabilities) {
  ViewPolicy policy;
  policy.flip = 0.3;
  policy.jitter = 0.8;
  policy.grayscale = 0.2;
  policy.blur = 0.55;
  policy.solarize = 0.1;
  const auto views = draw_many(policy, 8, 8);
  const auto expect_share = [&](double probability, const std::function<bool(const View&)>& has) {
    const auto count = static_cast<double>(std::count_if(views.begin(), views.end(), has));
    const double deviation = std::sqrt(kDraws * probability * (1.0 - probability));
    EXPECT_NEAR(count, kDraws * probability, 5.0 * deviation);  // exceeded in 6 of 10 million
  };
  expect_share(0.3, [](const View& view) { return view.flip; });
  expect_share(0.8, [](const View& view) { return view.jitter_count == 4; });
  expect_share(0.2, [](const View& view) { return view.grayscale; });
  expect_share(0.55, [](const View& view) { return view.blur_kernel == 23; });
  expect_share(0.1, [](const View& view) { return view.solarize; });
  expect_share(0.3 * 0.2, [](const View& view) { return view.flip && view.grayscale; });
  expect_share(0.55 * 0.1, [](const View& view) { return view.blur_kernel > 0 && view.solarize; });
}

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
