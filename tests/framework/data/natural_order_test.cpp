// Natural order: examples, and the laws of a strict total order.
#include "framework/data/natural_order.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace nearfar {
namespace {

TEST(NaturalOrder, NumbersCompareAsNumbers) {
  const std::vector<std::string> sorted = {"a/img1.png",
                                           "a/img2.png",
                                           "a/img02.png",
                                           "a/img10.png",
                                           "a-b/1.png",
                                           "a2/x",
                                           "a10/x",
                                           "b/9999999999999999999998",
                                           "b/9999999999999999999999",
                                           "b/99999999999999999999990",
                                           "\xC3\xA4"};
  std::vector<std::string> shuffled = sorted;
  std::reverse(shuffled.begin(), shuffled.end());
  std::sort(shuffled.begin(), shuffled.end(), natural_less);
  // img02 and img2 are the same number: bytes decide, and '0' < '2'.
  std::vector<std::string> expected = sorted;
  std::swap(expected[1], expected[2]);
  EXPECT_EQ(shuffled, expected);
}

RC_GTEST_PROP(NaturalOrder, IsAStrictTotalOrder, ()) {
  const auto name = rc::gen::container<std::string>(rc::gen::elementOf(std::string("0012ab/-")));
  const std::string a = *name;
  const std::string b = *name;
  const std::string c = *name;
  RC_ASSERT(!natural_less(a, a));
  RC_ASSERT((a == b) == (!natural_less(a, b) && !natural_less(b, a)));
  if (natural_less(a, b) && natural_less(b, c)) RC_ASSERT(natural_less(a, c));
}

}  // namespace
}  // namespace nearfar
