// The loader: the same bytes whatever the workers, every image once, resume, bounded memory.
#include "framework/data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <thread>

#include "augment/random.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

void expect_equal(const ViewBatch& a, const ViewBatch& b) {
  EXPECT_EQ(a.step_in_epoch, b.step_in_epoch);
  EXPECT_EQ(a.shard, b.shard);
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(a.label, b.label);
  EXPECT_TRUE(a.views == b.views) << "pixels differ in step " << a.step_in_epoch;
}

TEST(Loader, BatchesDoNotDependOnWorkers) {
  const auto data = made(50);
  Log log;
  ViewLoader alone(data, two_views(), plan_of(8, 1), log);
  const std::vector<ViewBatch> expected = batches_of(alone, 3, 50, 6);
  for (int workers : {2, 4}) {
    ViewLoader loader(data, two_views(), plan_of(8, workers), log);
    for (int round = 0; round < 3; ++round) {
      const std::vector<ViewBatch> batches = batches_of(loader, 3, 50, 6);
      for (size_t i = 0; i < 6; ++i) expect_equal(batches[i], expected[i]);
    }
  }
}

TEST(Loader, SmallBatchesAreWrittenPastTheCachesWhereThePlanSaysSo) {
  const auto data = made(20);
  Log log;
  LoaderPlan plan = plan_of(4, 1);
  ViewLoader usual(data, two_views(), plan, log);
  plan.past_caches = true;
  ViewLoader past(data, two_views(), plan, log);
  const ViewBatch expected = batches_of(usual, 0, 20, 1).front();
  const ViewBatch found = batches_of(past, 0, 20, 1).front();
  for (size_t v = 0; v < 2; ++v) {
    EXPECT_FALSE(expected.targets[v].past_caches);
    EXPECT_TRUE(found.targets[v].past_caches);
  }
  expect_equal(found, expected);
}

TEST(Loader, RowsAreRenderedFromTheirOwnStreams) {
  const auto data = made(20);
  Log log;
  LoaderPlan plan = plan_of(4, 2);
  plan.normalize.mean = {0.1f, 0.2f, 0.3f};
  plan.normalize.std = {0.5f, 0.6f, 0.7f};
  ViewLoader loader(data, two_views(), plan, log);
  const std::vector<int64_t> order = epoch_order(5, 2, 20);
  for (const ViewBatch& batch : batches_of(loader, 2, 20, 5)) {
    ASSERT_EQ(batch.channels, 3);
    for (size_t row = 0; row < 4; ++row) {
      const int64_t index = order[static_cast<size_t>(batch.step_in_epoch) * 4 + row];
      ASSERT_EQ(batch.index[row], index);
      ASSERT_EQ(batch.label[row], index % 4);
      PixelBuffer pixels;
      const Image image = data->read(index, pixels);
      for (uint8_t v = 0; v < 2; ++v) {
        Random random(5, 2, static_cast<uint64_t>(index), Purpose::view, v);
        const View view = draw(two_views()[v], 20, 24, random);
        const int side = v == 0 ? 8 : 6;
        const RenderTarget target{{side, side},
                                  v == 0 ? Interpolation::bilinear : Interpolation::bicubic,
                                  plan.normalize};
        std::vector<float> expected(static_cast<size_t>(side * side * 3));
        RenderScratch scratch;
        render_view(image, view, target, scratch, expected.data());
        const float* found = batch.views[v].data() + row * expected.size();
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), found));
      }
    }
  }
}

TEST(Loader, UnrenderedRowsAreWhatTheViewsAreMadeOf) {
  const auto data = made(20);
  Log log;
  LoaderPlan plan = plan_of(4, 2);
  ViewLoader rendering(data, two_views(), plan, log);
  const std::vector<ViewBatch> rendered = batches_of(rendering, 2, 20, 5);
  plan.render = false;
  ViewLoader loader(data, two_views(), plan, log);
  for (int64_t step = 0; step < 5; ++step) {
    if (step == 0) loader.begin_epoch(2, epoch_order(5, 2, 20));
    ViewBatch batch = loader.next();
    const ViewBatch& expected = rendered[static_cast<size_t>(step)];
    EXPECT_TRUE(batch.views.empty());
    ASSERT_EQ(batch.rows.size(), 4u);
    for (size_t v = 0; v < 2; ++v) {
      std::vector<Image> images;
      std::vector<View> views;
      for (const UnrenderedRow& row : batch.rows) {
        images.push_back(row.window);
        images.back().pixels = row.pixels.data();
        views.push_back(row.views[v]);
        ASSERT_EQ(row.pixels.size(), size_t(row.window.height) * row.window.width * 3);
      }
      std::vector<float> found(expected.views[v].size());
      render(images, views, batch.targets[v], 1, found.data());
      EXPECT_EQ(found, expected.views[v]);
    }
    EXPECT_EQ(batch.index, expected.index);
    EXPECT_EQ(batch.label, expected.label);
    loader.recycle(std::move(batch));  // what it held must not remain in a later one
  }
}

TEST(Loader, ResumesInTheMiddleOfAnEpoch) {
  const auto data = made(50);
  Log log;
  ViewLoader first(data, two_views(), plan_of(8, 2), log);
  const std::vector<ViewBatch> whole = batches_of(first, 1, 50, 6);
  ViewLoader second(data, two_views(), plan_of(8, 4), log);
  // Begun elsewhere and dropped: nothing of it may remain.
  second.begin_epoch(0, epoch_order(5, 0, 50));
  second.next();
  const std::vector<ViewBatch> rest = batches_of(second, 1, 50, 6, 2);
  ASSERT_EQ(rest.size(), 4u);
  for (size_t i = 0; i < 4; ++i) expect_equal(rest[i], whole[i + 2]);
}

TEST(Loader, EveryImageOnceAnEpochOverRanksAndAShortBatch) {
  const auto data = made(23);
  Log log;
  std::multiset<int64_t> seen;
  int64_t rows_of_last = 0;
  for (int rank = 0; rank < 3; ++rank) {
    LoaderPlan plan = plan_of(7, 2);
    plan.drop_last = false;
    plan.ranks = 3;
    plan.rank = rank;
    ViewLoader loader(data, two_views(), plan, log);
    for (const ViewBatch& batch : batches_of(loader, 0, 23, 4)) {
      EXPECT_EQ(batch.shard, shard(batch.step_in_epoch == 3 ? 2 : 7, 3, rank));
      EXPECT_EQ(batch.views[0].size(), batch.index.size() * 8 * 8 * 3);
      seen.insert(batch.index.begin(), batch.index.end());
      if (batch.step_in_epoch == 3) rows_of_last += batch.shard.size();
    }
  }
  EXPECT_EQ(rows_of_last, 2);  // the third rank has none of them
  std::vector<int64_t> all(23);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(std::vector<int64_t>(seen.begin(), seen.end()), all);
}

TEST(Loader, RanksTogetherAreOneRank) {
  const auto data = made(16);
  Log log;
  ViewLoader alone(data, two_views(), plan_of(6, 1), log);
  const ViewBatch whole = batches_of(alone, 0, 16, 1)[0];
  std::vector<float> pieces;
  for (int rank = 0; rank < 4; ++rank) {
    LoaderPlan plan = plan_of(6, 1);
    plan.ranks = 4;
    plan.rank = rank;
    ViewLoader loader(data, two_views(), plan, log);
    const ViewBatch piece = batches_of(loader, 0, 16, 1)[0];
    pieces.insert(pieces.end(), piece.views[1].begin(), piece.views[1].end());
  }
  EXPECT_EQ(pieces, whole.views[1]);
}

TEST(Loader, RecycledMemoryMakesTheSameBatches) {
  const auto data = made(50);
  Log log;
  ViewLoader fresh(data, two_views(), plan_of(8, 2), log);
  const std::vector<ViewBatch> expected = batches_of(fresh, 0, 50, 6);
  ViewLoader loader(data, two_views(), plan_of(8, 2), log);
  loader.begin_epoch(0, epoch_order(5, 0, 50));
  for (size_t i = 0; i < 6; ++i) {
    ViewBatch batch = loader.next();
    expect_equal(batch, expected[i]);
    for (auto& view : batch.views) std::fill(view.begin(), view.end(), -1.0f);
    loader.recycle(std::move(batch));
  }
}

/// Counts how many images have been read.
class CountingDataset final : public Dataset {
 public:
  explicit CountingDataset(std::shared_ptr<const Dataset> inner) : inner_(std::move(inner)) {}
  const DatasetInfo& info() const override { return inner_->info(); }
  int64_t label(int64_t index) const override { return inner_->label(index); }
  std::string place(int64_t index) const override { return inner_->place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    ++reads;
    return inner_->read(index, storage);
  }
  mutable std::atomic<int64_t> reads{0};

 private:
  std::shared_ptr<const Dataset> inner_;
};

TEST(Loader, RendersAheadWithBoundedMemory) {
  const auto data = std::make_shared<CountingDataset>(made(400));
  Log log;
  ViewLoader loader(data, two_views(), plan_of(4, 2), log);
  loader.begin_epoch(0, epoch_order(5, 0, 400));
  // Two workers: four batches of four images, and not one image more.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (data->reads < 16 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(data->reads, 16);
}

TEST(Loader, BeginningAndLeavingNeverHang) {
  const auto data = made(64);
  Log log;
  for (int round = 0; round < 50; ++round) {
    ViewLoader loader(data, two_views(), plan_of(8, 3), log);
    for (int epoch = 0; epoch < round % 4; ++epoch) {
      loader.begin_epoch(epoch, epoch_order(5, epoch, 64), epoch);
      if (round % 3 == 0) loader.next();
    }
  }
}

TEST(Loader, PastTheLastStepIsAMistake) {
  Log log;
  ViewLoader loader(made(8), two_views(), plan_of(8, 1), log);
  batches_of(loader, 0, 8, 1);
  EXPECT_THROW(loader.next(), std::logic_error);
  EXPECT_THROW(loader.begin_epoch(0, {0, 1, 2, 3, 4, 5, 6, 8}), std::invalid_argument);
  EXPECT_THROW(loader.begin_epoch(0, epoch_order(5, 0, 8), 2), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
