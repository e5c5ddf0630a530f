// What counts as a difference between tensors of two runs.
#include "framework/conformance/difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace nearfar {
namespace {

NamedTensors named(std::vector<double> values) { return {{"a", at::tensor(values, at::kDouble)}}; }

TEST(Difference, IsRelativeToTheLargestValueOrTheLeast) {
  const Difference difference = worst_difference(named({4.0, 0.0}), named({4.0, 1.0}), 1e-3);
  EXPECT_EQ(difference.relative, 0.25);
  EXPECT_EQ(difference.expected, 0.0);
  EXPECT_EQ(difference.found, 1.0);
  EXPECT_EQ(worst_difference(named({0.0}), named({1.0}), 8.0).relative, 0.125);
  // A gradient a million times as small as the largest one is measured by a thousandth of that.
  const NamedTensors expected{{"large", at::full({1}, 1e3)}, {"small", at::full({1}, 1e-3)}};
  NamedTensors found = copies_of(expected);
  found[1].second.add_(0.5);
  const Difference gradient = worst_gradient(expected, found);
  EXPECT_EQ(gradient.name, "small");
  EXPECT_NEAR(gradient.relative, 0.5, 1e-6);
}

TEST(Difference, OfWholeNumbersIsAtLeastOne) {
  const NamedTensors a{{"n", at::tensor({1000000}, at::kLong)}};
  const NamedTensors b{{"n", at::tensor({1000001}, at::kLong)}};
  EXPECT_EQ(worst_difference(a, b, 1e-3).relative, 1.0);
  EXPECT_EQ(worst_difference(a, a, 1e-3).relative, 0.0);
}

TEST(Difference, OfShapesCountsAndWhatIsNoNumberIsInfinite) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isinf(worst_difference(named({1.0}), named({1.0, 2.0}), 1e-3).relative));
  EXPECT_TRUE(std::isinf(worst_difference(named({1.0}), {}, 1e-3).relative));
  EXPECT_TRUE(std::isinf(worst_difference(named({1.0}), named({kNaN}), 1e-3).relative));
  EXPECT_TRUE(std::isinf(worst_difference(named({kNaN}), named({1.0}), 1e-3).relative));
  EXPECT_TRUE(std::isinf(relative_difference(1.0, kNaN)));
}

TEST(Difference, FirstOtherBitsAreNamed) {
  const NamedTensors a{{"same", at::zeros({2})}, {"other", at::ones({2})}};
  NamedTensors b = copies_of(a);
  EXPECT_EQ(first_other_bits(a, b), "");
  b[1].second[1] = std::nextafter(1.0f, 2.0f);
  EXPECT_EQ(first_other_bits(a, b), "other");
  EXPECT_EQ(a[1].second[1].item<float>(), 1.0f);
}

}  // namespace
}  // namespace nearfar
