// Rows that come again in an epoch, and targets in batches.
#include <gtest/gtest.h>

#include "framework/data/draw_views.h"
#include "framework/data/repeat.h"
#include "framework/data/resident.h"
#include "framework/data/subset.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

TEST(RepeatedImages, AreDrawnAnew) {
  Log log;
  ViewLoader loader(made(6), two_views(), plan_of(4, 2), log);
  loader.begin_epoch(1, {3, 5, 3, 3});
  const ViewBatch batch = loader.next();
  EXPECT_EQ(batch.index, (std::vector<int64_t>{3, 5, 3, 3}));
  EXPECT_EQ(batch.label, (std::vector<int64_t>{3, 1, 3, 3}));
  // Rows 2 and 3 are drawn as items 3 + 6 and 3 + 2 * 6, which a set of three times the size shows.
  ViewLoader thrice(repeat(made(6), 3), two_views(), plan_of(4, 1), log);
  thrice.begin_epoch(1, {3, 5, 9, 15});
  const ViewBatch expected = thrice.next();
  EXPECT_EQ(batch.views, expected.views);
  const size_t row = batch.views[0].size() / 4;
  const std::vector<float>& view = batch.views[0];
  EXPECT_FALSE(std::equal(view.begin(), view.begin() + row, view.begin() + 2 * row));
}

TEST(RepeatedImages, AreCountedFromTheBeginningOfTheEpochAfterARestart) {
  Log log;
  const std::vector<int64_t> order = {3, 5, 3, 1, 1, 3};
  ViewLoader whole(made(6), two_views(), plan_of(2, 2), log);
  whole.begin_epoch(1, order);
  whole.next();
  whole.next();
  ViewLoader resumed(made(6), two_views(), plan_of(2, 1), log);
  resumed.begin_epoch(1, order, 2);
  EXPECT_EQ(whole.next().views, resumed.next().views);
}

/// Four images of 2x2 with targets (i, -i).
std::shared_ptr<const Dataset> with_targets() {
  ResidentImages images;
  images.info = {"made", "/made", "npy", 4, 1, 2, 2, {}, {"x", "y"}};
  images.pixels.assign(16, 9);
  for (int i = 0; i < 4; ++i) {
    images.targets.push_back(static_cast<float>(i));
    images.targets.push_back(static_cast<float>(-i));
  }
  images.files = {{"/made", 0}};
  return std::make_shared<ResidentDataset>(std::move(images));
}

TEST(Targets, BelongToTheirRowsThroughWrappersAndTheLoader) {
  const auto data = repeat(subset(with_targets(), {2, 0, 3}), 2);
  EXPECT_EQ(data->info().targets, (std::vector<std::string>{"x", "y"}));
  Log log;
  ViewLoader loader(data, two_views(), plan_of(4, 2), log);
  loader.begin_epoch(0, {1, 3, 2, 4});
  EXPECT_EQ(loader.next().target, (std::vector<float>{0, 0, 2, -2, 3, -3, 0, 0}));
  EXPECT_TRUE(made(6)->target(2).empty());
  ViewLoader without(made(6), two_views(), plan_of(4, 2), log);
  without.begin_epoch(0, {1, 3, 2, 4});
  EXPECT_TRUE(without.next().target.empty());
}

TEST(Targets, MustFitTheImages) {
  ResidentImages images;
  images.info = {"made", "/made", "npy", 1, 1, 1, 1, {}, {"x", "y"}};
  images.pixels = {1};
  images.targets = {1.0f};
  images.files = {{"/made", 0}};
  EXPECT_THROW(ResidentDataset(std::move(images)), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
