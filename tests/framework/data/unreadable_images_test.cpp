// Unreadable images in training: stop or replace, the same for any number of workers.
#include <gtest/gtest.h>

#include "augment/random.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

TEST(UnreadableImages, AnUnreadableImageStopsTheRunAtItsStep) {
  const std::vector<int64_t> order = epoch_order(5, 0, 40);
  const int64_t bad = order[2 * 8 + 3];
  for (int workers : {1, 4}) {
    Log log;
    ViewLoader loader(made(40, {bad, order[2 * 8 + 5]}), two_views(), plan_of(8, workers), log);
    loader.begin_epoch(0, order);
    loader.next();
    loader.next();
    EXPECT_EQ(message_of<BadImage>([&] { loader.next(); }),
              "made[" + std::to_string(bad) + "]: made unreadable");
  }
}

TEST(UnreadableImages, AReplacementIsAPureFunction) {
  const std::set<int64_t> bad{3, 17, 18, 19, 30};
  std::vector<std::vector<int64_t>> seen;
  for (int workers : {1, 2, 4}) {
    std::vector<std::string> warnings;
    Log log([&](Level level, const std::string& line) {
      if (level == Level::warning) warnings.push_back(line);
    });
    LoaderPlan plan = plan_of(8, workers);
    plan.skip_bad_images = true;
    plan.max_bad_fraction = 0.2;
    ViewLoader loader(made(40, bad), two_views(), plan, log);
    std::vector<int64_t> indices;
    for (const ViewBatch& batch : batches_of(loader, 4, 40, 5)) {
      indices.insert(indices.end(), batch.index.begin(), batch.index.end());
      for (size_t i = 0; i < 8; ++i) EXPECT_EQ(batch.label[i], batch.index[i] % 4);
    }
    seen.push_back(indices);
    EXPECT_EQ(warnings.size(), 5u) << "one for each image, however often it is met";
    std::vector<SkippedImage> skipped = loader.skipped();
    ASSERT_EQ(skipped.size(), 5u);
    EXPECT_EQ(skipped[1].index, 17);
    EXPECT_EQ(skipped[1].reason, "made[17]: made unreadable");
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
  const std::vector<int64_t> order = epoch_order(5, 4, 40);
  for (size_t i = 0; i < 40; ++i) {
    int64_t expected = order[i];
    Random random(5, 4, static_cast<uint64_t>(order[i]), Purpose::replacement);
    while (bad.count(expected)) expected = random.below(40);
    EXPECT_EQ(seen[0][i], expected);
  }
}

TEST(UnreadableImages, TooManyUnreadableImagesStopTheRun) {
  Log log;
  LoaderPlan plan = plan_of(200, 2);
  plan.skip_bad_images = true;
  ViewLoader loader(made(200, {9, 30, 77}), two_views(), plan, log);
  loader.begin_epoch(0, epoch_order(5, 0, 200));
  EXPECT_EQ(message_of<DataError>([&] { loader.next(); }),
            "3 of 200 images are unreadable (1.5%), above data.max_bad_fraction = 0.1%; first: "
            "made[9]: made unreadable");
}

TEST(UnreadableImages, NothingReadableIsAnError) {
  std::set<int64_t> all;
  for (int64_t i = 0; i < 8; ++i) all.insert(i);
  Log log;
  LoaderPlan plan = plan_of(8, 2);
  plan.skip_bad_images = true;
  plan.max_bad_fraction = 1.0;
  ViewLoader loader(made(8, all), two_views(), plan, log);
  loader.begin_epoch(0, epoch_order(5, 0, 8));
  EXPECT_TRUE(contains(message_of<DataError>([&] { loader.next(); }),
                       "unreadable, and so are 64 images drawn to replace it"));
}

}  // namespace
}  // namespace nearfar
