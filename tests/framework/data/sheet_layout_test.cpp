// The geometry of contact sheets, against what it promises.
#include "framework/data/sheet_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace nearfar {
namespace {

std::vector<ViewPolicy> sizes(std::initializer_list<int64_t> sides) {
  std::vector<ViewPolicy> policies;
  for (const int64_t side : sides) {
    policies.emplace_back();
    policies.back().size = side;
  }
  return policies;
}

TEST(SheetGeometry, CellsDoNotOverlapAndLieOnTheSheet) {
  for (const auto& policies :
       {sizes({224, 224}), sizes({28, 28}), sizes({1}), sizes({224, 224, 96, 96, 96, 96, 96, 96}),
        sizes({512}), sizes({16, 7, 40})}) {
    for (const int repeats : {1, 2, 5}) {
      const SheetLayout layout(policies, repeats);
      int right = 0;
      for (int repeat = 0; repeat < repeats; ++repeat) {
        EXPECT_GT(layout.original_left(repeat), right);
        right = layout.original_left(repeat) + layout.original_side();
        for (size_t v = 0; v < policies.size(); ++v) {
          EXPECT_GT(layout.view_left(repeat, v), right);
          right = layout.view_left(repeat, v) +
                  std::max(layout.view_side(v), 6 * layout.view_columns(v));
        }
      }
      EXPECT_LT(right, layout.width());
    }
  }
}

TEST(SheetGeometry, AllViewsAreEnlargedByOneWholeFactor) {
  const SheetLayout small(sizes({28, 14}), 1);
  EXPECT_EQ(small.zoom(), 4);
  EXPECT_EQ(small.view_side(0), 112);
  EXPECT_EQ(small.view_side(1), 56);
  const SheetLayout large(sizes({224, 96}), 1);
  EXPECT_EQ(large.zoom(), 1);
  EXPECT_EQ(large.view_side(1), 96);
  EXPECT_GE(large.view_columns(1), 16) << "words need room";
}

TEST(SheetGeometry, OriginalsFitAndKeepTheirShape) {
  EXPECT_EQ(fit_into({28, 28}, 112).zoom, 4);
  EXPECT_EQ(fit_into({28, 20}, 112).size.width, 80);
  EXPECT_EQ(fit_into({375, 500}, 224).size.height, 168);
  EXPECT_EQ(fit_into({375, 500}, 224).zoom, 1);
  EXPECT_EQ(fit_into({1, 4000}, 224).size.height, 1);
  EXPECT_EQ(fit_into({224, 224}, 224).size.width, 224);
}

TEST(SheetGeometry, ShownBoxesLieInsideAndNearTheirPlace) {
  std::mt19937 random(3);  // seed 3
  for (int trial = 0; trial < 2000; ++trial) {
    const auto draw = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    const Size image{draw(1, 3000), draw(1, 3000)};
    const Size shown = fit_into(image, draw(112, 320)).size;
    Box box;
    box.height = draw(1, image.height);
    box.width = draw(1, image.width);
    box.top = draw(0, image.height - box.height);
    box.left = draw(0, image.width - box.width);
    const Box on = shown_box(box, image, shown, 50, 70);
    ASSERT_GE(on.top, 50);
    ASSERT_GE(on.left, 70);
    ASSERT_LE(on.top + on.height, 50 + shown.height);
    ASSERT_LE(on.left + on.width, 70 + shown.width);
    ASSERT_GE(on.height, std::min(3, shown.height));
    ASSERT_GE(on.width, std::min(3, shown.width));
    // Half a pixel of rounding, or three where the box is widened to be seen.
    ASSERT_NEAR(on.top - 50, 1.0 * box.top * shown.height / image.height, 3.0);
    if (1.0 * box.width * shown.width / image.width > 4.0) {
      ASSERT_NEAR(on.left - 70, 1.0 * box.left * shown.width / image.width, 0.5 + 1e-9);
      ASSERT_NEAR(on.left + on.width - 70, 1.0 * (box.left + box.width) * shown.width / image.width,
                  0.5 + 1e-9);
    }
  }
}

}  // namespace
}  // namespace nearfar
