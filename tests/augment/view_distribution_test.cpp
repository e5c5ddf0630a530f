// Views come from the distributions that the policy names: against closed forms, against a naive
// sampler with another generator, and the checks tell wrong samplers from right ones.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "augment/view_policy.h"
#include "tests/augment/naive_crop.h"
#include "tests/augment/statistics.h"

namespace nearfar {
namespace {

constexpr int kDraws = 60000;

std::vector<View> draw_many(const ViewPolicy& policy, int height, int width) {
  std::vector<View> views;
  for (int i = 0; i < kDraws; ++i) {
    Random random(2026, 1, i, Purpose::view);
    views.push_back(draw(policy, height, width, random));
  }
  return views;
}

std::vector<Box> crops_of(const std::vector<View>& views) {
  std::vector<Box> boxes;
  for (const View& view : views) boxes.push_back(view.crop);
  return boxes;
}

template <typename Each, typename Value>
std::vector<double> collect(const std::vector<Each>& all, Value value) {
  std::vector<double> samples;
  for (const Each& each : all) samples.push_back(value(each));
  return samples;
}

/// The distributions of areas, aspects, sides and positions agree.
bool alike(const std::vector<Box>& a, const std::vector<Box>& b, int height, int width) {
  const std::vector<std::function<double(const Box&)>> values = {
      [](const Box& box) { return double(box.height) * box.width; },
      [](const Box& box) { return double(box.width) / box.height; },
      [](const Box& box) { return box.height; },
      [](const Box& box) { return box.width; },
      [=](const Box& box) { return (box.top + 0.5) / (height - box.height + 1); },
      [=](const Box& box) { return (box.left + 0.5) / (width - box.width + 1); },
      [](const Box& box) { return box.top + box.height; },
      [](const Box& box) { return box.left + box.width; }};
  return std::all_of(values.begin(), values.end(), [&](const auto& value) {
    return fits_samples(collect(a, value), collect(b, value));
  });
}

TEST(CropDistribution, IsUniformInAreaLogAspectAndPositionWhereEveryTryFits) {
  ViewPolicy policy;
  policy.crop_min = 0.1;
  policy.crop_max = 0.5;
  constexpr double kSide = 30000.0;  // large, so that rounding is far below the bounds
  const auto crops = crops_of(draw_many(policy, 30000, 30000));
  const auto area = [](const Box& box) { return box.height / kSide * (box.width / kSide); };
  const auto log_aspect = [](const Box& box) { return std::log(1.0 * box.width / box.height); };
  const auto top = [](const Box& box) { return (box.top + 0.5) / (30001 - box.height); };
  const auto left = [](const Box& box) { return (box.left + 0.5) / (30001 - box.width); };
  EXPECT_TRUE(fits_uniform(collect(crops, area), 0.0999, 0.5001));
  EXPECT_TRUE(fits_uniform(collect(crops, log_aspect), std::log(0.7499), std::log(1.3335)));
  EXPECT_TRUE(fits_uniform(collect(crops, top), 0.0, 1.0));
  EXPECT_TRUE(fits_uniform(collect(crops, left), 0.0, 1.0));
}

// In a square, a try of area a and log aspect l fits where a <= exp(-|l|). What is accepted is
// uniform on that region; ten refusals in a row come less than once in 10^8.
TEST(CropDistribution, IsTheClosedFormInASquare) {
  constexpr double kSide = 30000.0, kLow = 0.08;
  const double edge = std::log(4.0 / 3.0);  // of |l|
  const auto crops = crops_of(draw_many(ViewPolicy(), 30000, 30000));
  // The length of the interval of |l| that fits, integrated over areas up to a.
  const auto area_up_to = [=](double a) {
    const auto primitive = [=](double x) { return (x - x * std::log(x)) / edge; };
    return std::min(a, 0.75) - kLow + (a > 0.75 ? primitive(a) - primitive(0.75) : 0.0);
  };
  const auto aspect_up_to = [=](double l) { return 1.0 - std::exp(-l) - kLow * l; };
  const auto area = [](const Box& box) { return box.height / kSide * (box.width / kSide); };
  const auto aspect = [](const Box& box) {
    return std::abs(std::log(1.0 * box.width / box.height));
  };
  EXPECT_TRUE(fits(collect(crops, area), [&](double a) {
    return area_up_to(std::clamp(a, kLow, 1.0)) / area_up_to(1.0);
  }));
  EXPECT_TRUE(fits(collect(crops, aspect),
                   [&](double l) { return aspect_up_to(std::min(l, edge)) / aspect_up_to(edge); }));
  const auto wide = std::count_if(crops.begin(), crops.end(),
                                  [](const Box& box) { return box.width > box.height; });
  EXPECT_NEAR(double(wide) / kDraws, 0.5, distance_bound(kDraws));
}

TEST(CropDistribution, IsTheNaiveSamplersInEveryShape) {
  ViewPolicy large;
  large.crop_min = 0.7;  // in long images mostly the fallback
  ViewPolicy small;
  small.crop_min = 0.05;
  small.crop_max = 0.14;
  for (const ViewPolicy& policy : {ViewPolicy(), large, small}) {
    for (const Size size : {Size{375, 500}, Size{64, 30}, Size{40, 300}}) {
      SCOPED_TRACE(testing::Message()
                   << policy.crop_min << ", " << size.height << "x" << size.width);
      EXPECT_TRUE(alike(crops_of(draw_many(policy, size.height, size.width)),
                        naive_crops(policy, size.height, size.width, kDraws), size.height,
                        size.width));
    }
  }
}

TEST(CropDistribution, IsToldFromMistakenSamplers) {
  const auto crops = crops_of(draw_many(ViewPolicy(), 30, 64));
  EXPECT_TRUE(alike(crops, naive_crops(ViewPolicy(), 30, 64, kDraws), 30, 64));
  for (const Mistake mistake : {Mistake::uniform_aspect, Mistake::uniform_side, Mistake::one_try,
                                Mistake::last_row_unused, Mistake::positions_at_half}) {
    EXPECT_FALSE(alike(crops, naive_crops(ViewPolicy(), 30, 64, kDraws, mistake), 30, 64))
        << static_cast<int>(mistake);
  }
}

TEST(CropDistribution, ReachesEveryPositionEquallyOften) {
  ViewPolicy policy;
  policy.crop_min = policy.crop_max = 0.25;
  policy.aspect_min = policy.aspect_max = 1.0;
  std::map<int, int> counts;
  for (const View& view : draw_many(policy, 4, 4)) {
    ASSERT_EQ(view.crop.height, 2);
    ++counts[view.crop.top * 3 + view.crop.left];
  }
  std::map<int, double> shares;
  for (int place = 0; place < 9; ++place) shares[place] = 1.0 / 9.0;
  EXPECT_TRUE(fits_cells(counts, shares, kDraws));
}

/// How often each order of four steps came, by its code in base 4.
using OrderCounts = std::map<int, int>;

int code_of(const std::array<int, 4>& order) {
  return ((order[0] * 4 + order[1]) * 4 + order[2]) * 4 + order[3];
}

bool equally_often(const OrderCounts& counts) {
  std::map<int, double> shares;
  std::array<int, 4> order{0, 1, 2, 3};
  do {
    shares[code_of(order)] = 1.0 / 24.0;
  } while (std::next_permutation(order.begin(), order.end()));
  return fits_cells(counts, shares, kDraws);
}

TEST(JitterDistribution, HasAllOrdersEquallyOften) {
  ViewPolicy policy;
  policy.jitter = 1.0;
  OrderCounts counts;
  for (const View& view : draw_many(policy, 8, 8)) {
    ASSERT_EQ(view.jitter_count, 4);
    std::array<int, 4> order{};
    for (int i = 0; i < 4; ++i) order[i] = static_cast<int>(view.jitter[i].kind);
    ++counts[code_of(order)];
  }
  EXPECT_TRUE(equally_often(counts));
}

TEST(JitterDistribution, IsToldFromMistakenOrders) {
  std::mt19937_64 generator(20260101);
  OrderCounts shuffled, swapped_anywhere, cycled;
  for (int i = 0; i < kDraws; ++i) {
    std::array<int, 4> order{0, 1, 2, 3};
    std::shuffle(order.begin(), order.end(), generator);
    ++shuffled[code_of(order)];
    // Each place swapped with any of the four: 256 outcomes, which 24 orders cannot share equally.
    order = {0, 1, 2, 3};
    for (int& step : order) std::swap(step, order[generator() % 4]);
    ++swapped_anywhere[code_of(order)];
    // Only the four rotations.
    order = {0, 1, 2, 3};
    std::rotate(order.begin(), order.begin() + generator() % 4, order.end());
    ++cycled[code_of(order)];
  }
  EXPECT_TRUE(equally_often(shuffled));
  EXPECT_FALSE(equally_often(swapped_anywhere));
  EXPECT_FALSE(equally_often(cycled));
  EXPECT_FALSE(equally_often({{code_of({0, 1, 2, 3}), kDraws}}));
}

TEST(JitterDistribution, HasUniformFactors) {
  ViewPolicy policy;
  policy.jitter = 1.0;
  policy.brightness = 0.8;
  policy.contrast = 1.5;
  policy.saturation = 0.4;
  policy.hue = 0.1;
  const auto views = draw_many(policy, 8, 8);
  const auto factors = [&](Jitter kind) {
    return collect(views, [kind](const View& view) {
      return std::find_if(view.jitter.begin(), view.jitter.end(),
                          [kind](const JitterStep& step) { return step.kind == kind; })
          ->factor;
    });
  };
  EXPECT_TRUE(fits_uniform(factors(Jitter::brightness), 0.2, 1.8));
  EXPECT_TRUE(fits_uniform(factors(Jitter::contrast), 0.0, 2.5));  // not below 0
  EXPECT_TRUE(fits_uniform(factors(Jitter::saturation), 0.6, 1.4));
  EXPECT_TRUE(fits_uniform(factors(Jitter::hue), -0.1, 0.1));
  EXPECT_FALSE(fits_uniform(factors(Jitter::brightness), 0.2, 1.75));
  EXPECT_FALSE(fits_uniform(factors(Jitter::hue), 0.0, 0.1));
}

TEST(BlurDistribution, HasUniformSigma) {
  ViewPolicy policy;
  policy.blur = 1.0;
  const auto sigmas =
      collect(draw_many(policy, 8, 8), [](const View& view) { return view.blur_sigma; });
  EXPECT_TRUE(fits_uniform(sigmas, 0.1, 2.0));
  EXPECT_FALSE(fits(sigmas, [](double x) { return std::log(x / 0.1) / std::log(20.0); }));
}

// All 32 outcomes of the five choices at once: probabilities, and that no choice leans on another.
TEST(ChoiceDistribution, IsAProductOfTheProbabilities) {
  ViewPolicy policy;
  policy.flip = 0.3;
  policy.jitter = 0.8;
  policy.grayscale = 0.2;
  policy.blur = 0.55;
  policy.solarize = 0.1;
  std::map<int, int> counts;
  for (const View& view : draw_many(policy, 8, 8)) {
    const std::array<bool, 5> made{view.flip, view.jitter_count == 4, view.grayscale,
                                   view.blur_kernel == 23, view.solarize};
    ASSERT_TRUE(made[1] || view.jitter_count == 0);
    ASSERT_TRUE(made[3] || view.blur_kernel == 0);
    ++counts[std::accumulate(made.begin(), made.end(), 0,
                             [](int code, bool choice) { return 2 * code + choice; })];
  }
  const auto shares = [](const std::array<double, 5>& probabilities) {
    std::map<int, double> result;
    for (int code = 0; code < 32; ++code) {
      result[code] = 1.0;
      for (int i = 0; i < 5; ++i) {
        const bool chosen = (code >> (4 - i)) & 1;
        result[code] *= chosen ? probabilities[i] : 1.0 - probabilities[i];
      }
    }
    return result;
  };
  EXPECT_TRUE(fits_cells(counts, shares({0.3, 0.8, 0.2, 0.55, 0.1}), kDraws));
  EXPECT_FALSE(fits_cells(counts, shares({0.3, 0.8, 0.2, 0.53, 0.1}), kDraws));
  EXPECT_FALSE(fits_cells(counts, shares({0.3, 0.8, 0.2, 0.55, 0.12}), kDraws));
}

}  // namespace
}  // namespace nearfar
