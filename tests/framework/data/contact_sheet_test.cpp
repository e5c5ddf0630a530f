// Contact sheets: the views that training sees, boxes where the crops are, problems in words.
#include "framework/data/contact_sheet.h"

#include <gtest/gtest.h>

#include <cmath>

#include "framework/data/crop_marks.h"
#include "framework/data/sheet_layout.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

constexpr uint64_t kSeed = 5;  // that of plan_of()

SheetOptions options_of(int repeats) {
  SheetOptions options;
  options.title = "made views";
  options.note = "of a made set";
  options.repeats = repeats;
  options.seed = kSeed;
  return options;
}

Rgb8 pixel(const Canvas& canvas, int y, int x) {
  const uint8_t* from = &canvas.pixels[(static_cast<size_t>(y) * canvas.width + x) * 3];
  return {from[0], from[1], from[2]};
}

uint8_t byte_of(float value) {
  return static_cast<uint8_t>(std::lround(std::min(1.0f, std::max(0.0f, value)) * 255.0f));
}

bool inside(const Box& box, const Canvas& canvas) {
  return box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0 &&
         box.top + box.height <= canvas.height && box.left + box.width <= canvas.width;
}

TEST(ContactSheets, ShowTheViewsThatTheLoaderMakes) {
  const auto set = made(12);
  const std::vector<int64_t> indices{0, 7, 11};
  const ContactSheet sheet = contact_sheet(*set, indices, two_views(), options_of(2));
  Log log;
  LoaderPlan plan = plan_of(12, 1);
  plan.normalize = {};
  ViewLoader loader(set, two_views(), plan, log);
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<int64_t> order(12);
    for (int64_t i = 0; i < 12; ++i) order[static_cast<size_t>(i)] = i;
    loader.begin_epoch(epoch, order);
    const ViewBatch batch = loader.next();
    for (const SheetRow& row : sheet.rows) {
      ASSERT_EQ(row.views.size(), 4u);
      for (size_t v = 0; v < 2; ++v) {
        const SheetView& view = row.views[static_cast<size_t>(epoch) * 2 + v];
        ASSERT_EQ(view.policy, v);
        ASSERT_TRUE(inside(view.cell, sheet.canvas));
        const int side = batch.targets[v].size.width;
        ASSERT_EQ(view.cell.width, side * sheet.zoom);
        const float* from = batch.views[v].data() + row.index * side * side * 3;
        for (int y = 0; y < view.cell.height; ++y) {
          for (int x = 0; x < view.cell.width; ++x) {
            const float* c = from + (y / sheet.zoom * side + x / sheet.zoom) * 3;
            ASSERT_EQ(pixel(sheet.canvas, view.cell.top + y, view.cell.left + x),
                      (Rgb8{byte_of(c[0]), byte_of(c[1]), byte_of(c[2])}));
          }
        }
      }
    }
  }
}

TEST(ContactSheets, DrawABoxInTheColourOfEachView) {
  const auto set = made(6);
  const std::vector<int64_t> indices{1, 4};
  std::vector<ViewPolicy> policies = two_views();
  policies.resize(1);
  const ContactSheet sheet = contact_sheet(*set, indices, policies, options_of(1));
  for (const SheetRow& row : sheet.rows) {
    const Box& original = row.originals.front();
    ASSERT_TRUE(inside(original, sheet.canvas));
    EXPECT_EQ(row.image.height, 20);
    const int zoom = original.height / 20;  // made images are smaller than the cell
    ASSERT_EQ(original.width, 24 * zoom);
    const Box& crop = row.views.front().view.crop;
    const int left = original.left + crop.left * zoom;
    const int last = original.left + (crop.left + crop.width) * zoom - 1;
    const int middle = original.top + (2 * crop.top + crop.height) * zoom / 2;
    for (const int line : {1, 2}) {
      EXPECT_EQ(pixel(sheet.canvas, middle, left + line), policy_color(0));
      EXPECT_EQ(pixel(sheet.canvas, middle, last - line), policy_color(0));
    }
    EXPECT_EQ(pixel(sheet.canvas, middle, left), (Rgb8{0, 0, 0}));
  }
}

TEST(ContactSheets, OriginalsAreTheImagesPixels) {
  const auto set = std::make_shared<MadeDataset>(1, 3, 20, 24, 0);
  ViewPolicy policy;
  policy.size = 8;
  policy.crop_min = policy.crop_max = 0.05;
  const std::vector<int64_t> indices{0};
  const ContactSheet sheet = contact_sheet(*set, indices, {policy}, options_of(1));
  const SheetRow& row = sheet.rows.front();
  const Box& original = row.originals.front();
  const int zoom = original.height / 20;
  const Box& crop = row.views.front().view.crop;
  PixelBuffer storage;
  const Image image = set->read(0, storage);
  int compared = 0;
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 24; ++x) {
      const bool boxed = y >= crop.top && y < crop.top + crop.height && x >= crop.left &&
                         x < crop.left + crop.width;
      if (boxed) continue;
      const uint8_t* p = image.pixels + (y * 24 + x) * 3;
      ASSERT_EQ(pixel(sheet.canvas, original.top + y * zoom, original.left + x * zoom),
                (Rgb8{p[0], p[1], p[2]}));
      ++compared;
    }
  }
  EXPECT_GT(compared, 300);
}

TEST(ContactSheets, SayWhyAnImageCannotBeRead) {
  const auto set = made(5, {2});
  const std::vector<int64_t> indices{1, 2, 3};
  const ContactSheet sheet = contact_sheet(*set, indices, two_views(), options_of(1));
  ASSERT_EQ(sheet.rows.size(), 3u);
  EXPECT_EQ(sheet.rows[1].problem, "made unreadable") << "without its place: that stands below";
  EXPECT_TRUE(sheet.rows[1].views.empty());
  EXPECT_EQ(sheet.rows[0].problem, "");
  EXPECT_EQ(sheet.rows[2].views.size(), 2u);
  EXPECT_GT(sheet.rows[2].originals[0].top, sheet.rows[0].originals[0].top + 2 * kSheetSmallest);
}

TEST(ContactSheets, GraySetsAndViewsOfDifferentSizes) {
  const auto set = std::make_shared<MadeDataset>(3, 1, 28, 28, 10);
  const std::vector<int64_t> indices{2};
  std::vector<ViewPolicy> policies = two_views();
  policies[0].size = 28;
  policies[1].size = 14;
  const ContactSheet sheet = contact_sheet(*set, indices, policies, options_of(1));
  EXPECT_EQ(sheet.zoom, 4);
  const SheetRow& row = sheet.rows.front();
  EXPECT_EQ(row.views[0].cell.width, 112);
  EXPECT_EQ(row.views[1].cell.width, 56);
  const Rgb8 color = pixel(sheet.canvas, row.views[1].cell.top + 20, row.views[1].cell.left + 20);
  EXPECT_EQ(color.red, color.green);
  EXPECT_EQ(color.red, color.blue);
}

TEST(ContactSheets, AnotherSeedDrawsOthersAndTheSameTheSame) {
  const auto set = made(4);
  const std::vector<int64_t> indices{0, 3};
  SheetOptions options = options_of(1);
  const Canvas first = contact_sheet(*set, indices, two_views(), options).canvas;
  EXPECT_EQ(first.pixels, contact_sheet(*set, indices, two_views(), options).canvas.pixels);
  options.seed = kSeed + 1;
  EXPECT_NE(first.pixels, contact_sheet(*set, indices, two_views(), options).canvas.pixels);
}

TEST(ContactSheets, WithoutPoliciesOrTooLargeAreRefused) {
  const auto set = made(4);
  const std::vector<int64_t> none;
  EXPECT_THROW(contact_sheet(*set, none, {}, options_of(1)), std::invalid_argument);
  EXPECT_THROW(contact_sheet(*set, none, two_views(), options_of(0)), std::invalid_argument);
  std::vector<ViewPolicy> large = two_views();
  for (ViewPolicy& policy : large) {
    policy.size = 4096;
    policy.blur = 0.0;
  }
  const std::vector<int64_t> many{0, 1, 2, 3, 0, 1, 2, 3};
  EXPECT_THROW(contact_sheet(*set, many, large, options_of(1)), ConfigError);
}

TEST(ContactSheets, IndicesSpreadOverTheSet) {
  EXPECT_EQ(spread_indices(10, 3), (std::vector<int64_t>{0, 3, 6}));
  EXPECT_EQ(spread_indices(2, 8), (std::vector<int64_t>{0, 1}));
}

}  // namespace
}  // namespace nearfar
