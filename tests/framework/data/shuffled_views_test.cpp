// Shuffled views: the rows of the views in order, permuted over the global batch, on any ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>

#include "framework/data/batch_permutation.h"
#include "tests/framework/data/loader_setup.h"

namespace nearfar {
namespace {

constexpr int64_t kImages = 26;  // batches of 12, 12 and 2

LoaderPlan short_epoch(int workers, std::vector<bool> shuffled) {
  LoaderPlan plan = plan_of(12, workers);
  plan.drop_last = false;
  plan.shuffled_views = std::move(shuffled);
  return plan;
}

std::vector<ViewBatch> epoch_of(const LoaderPlan& plan, const std::set<int64_t>& bad = {}) {
  Log log;
  ViewLoader loader(made(kImages, bad), two_views(), plan, log);
  std::vector<ViewBatch> batches;
  loader.begin_epoch(3, epoch_order(5, 3, kImages));
  for (int64_t step = 0; step < 3; ++step) batches.push_back(loader.next());
  return batches;
}

std::vector<float> row_of(const ViewBatch& batch, size_t view, int64_t row) {
  const Size size = batch.targets[view].size;
  const int64_t floats = int64_t{size.height} * size.width * batch.channels;
  const auto begin = batch.views[view].begin() + row * floats;
  return {begin, begin + floats};
}

/// A rank's batches against those of one rank whose views are in order.
void expect_permuted(const std::vector<ViewBatch>& batches,
                     const std::vector<ViewBatch>& expected) {
  for (size_t step = 0; step < expected.size(); ++step) {
    const ViewBatch& found = batches[step];
    const ViewBatch& in_order = expected[step];
    ASSERT_EQ(static_cast<int64_t>(found.permutation.size()), found.shard.total);
    for (int64_t i = 0; i < found.shard.size(); ++i) {
      const int64_t row = found.shard.begin + i;
      EXPECT_EQ(found.index[i], in_order.index[row]);
      EXPECT_EQ(found.label[i], in_order.label[row]);
      EXPECT_EQ(row_of(found, 0, i), row_of(in_order, 0, row));
      EXPECT_EQ(row_of(found, 1, i), row_of(in_order, 1, found.permutation[row]));
    }
  }
}

void expect_permuted_on_any_ranks(const std::set<int64_t>& bad) {
  const auto with_skips = [&bad](LoaderPlan plan) {
    plan.skip_bad_images = !bad.empty();
    plan.max_bad_fraction = 0.5;
    return plan;
  };
  const std::vector<ViewBatch> in_order = epoch_of(with_skips(short_epoch(1, {})), bad);
  EXPECT_TRUE(in_order[0].permutation.empty());
  for (const int ranks : {1, 2, 4}) {
    for (int rank = 0; rank < ranks; ++rank) {
      for (const int workers : {1, 3}) {
        LoaderPlan plan = with_skips(short_epoch(workers, {false, true}));
        plan.ranks = ranks;
        plan.rank = rank;
        expect_permuted(epoch_of(plan, bad), in_order);
      }
    }
  }
}

TEST(BatchPermutation, HoldsEveryRowOnce) {
  for (const int64_t total : {0, 1, 2, 7, 64}) {
    std::vector<int64_t> rows = batch_permutation(5, 2, 9, total);
    std::sort(rows.begin(), rows.end());
    std::vector<int64_t> all(static_cast<size_t>(total));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(rows, all);
  }
}

TEST(BatchPermutation, IsAPureFunctionOfSeedEpochAndBatch) {
  const std::vector<int64_t> rows = batch_permutation(5, 2, 9, 64);
  EXPECT_EQ(batch_permutation(5, 2, 9, 64), rows);
  EXPECT_NE(batch_permutation(6, 2, 9, 64), rows);
  EXPECT_NE(batch_permutation(5, 3, 9, 64), rows);
  EXPECT_NE(batch_permutation(5, 2, 8, 64), rows);
}

TEST(BatchPermutation, EveryPlaceIsAsLikely) {
  // Row 0 goes to each of 8 places in 8,000 draws: 1,000 times, with a standard deviation of 30.
  std::vector<int> places(8, 0);
  for (int64_t item = 0; item < 8000; ++item) ++places[batch_permutation(5, 0, item, 8)[0]];
  for (const int count : places) EXPECT_NEAR(count, 1000, 5 * 30);
}

TEST(ShuffledViews, AreTheViewsInOrderPermutedOnAnyRanks) { expect_permuted_on_any_ranks({}); }

TEST(ShuffledViews, OneImageStandsInForAnUnreadableOneInAllViews) {
  expect_permuted_on_any_ranks({3, 4, 11, 20, 25});
}

TEST(ShuffledViews, ABatchLoadedAloneIsTheSame) {
  const LoaderPlan plan = short_epoch(1, {true, false});
  const ViewBatch expected = epoch_of(plan)[1];
  const std::vector<int64_t> order = epoch_order(5, 3, kImages);
  Log log;
  ViewLoader loader(made(kImages), two_views(), plan, log);
  loader.begin_epoch(3, {order.begin() + 12, order.begin() + 24});
  const ViewBatch alone = loader.next();
  EXPECT_EQ(alone.permutation, expected.permutation);
  EXPECT_EQ(alone.index, expected.index);
  EXPECT_EQ(alone.views, expected.views);
}

TEST(ShuffledViews, UnrenderedRowsHoldTheWindowsOfTheirOwnViewsOnly) {
  LoaderPlan plan = short_epoch(2, {false, true});
  const ViewBatch rendered = epoch_of(plan)[0];
  plan.render = false;
  const ViewBatch batch = epoch_of(plan)[0];
  ASSERT_EQ(batch.rows.size(), 12u);
  ASSERT_EQ(batch.shuffled_rows.size(), 12u);
  for (size_t v = 0; v < 2; ++v) {
    std::vector<Image> images;
    std::vector<View> views;
    for (const UnrenderedRow& row : v == 1 ? batch.shuffled_rows : batch.rows) {
      images.push_back(row.window);
      images.back().pixels = row.pixels.data();
      views.push_back(row.views[v]);
      EXPECT_EQ(row.window.height, row.views[v].crop.height);
      EXPECT_EQ(row.window.width, row.views[v].crop.width);
    }
    std::vector<float> found(rendered.views[v].size());
    render(images, views, batch.targets[v], 1, found.data());
    EXPECT_EQ(found, rendered.views[v]);
  }
}

/// Counts how often an image is read.
class CountedDataset final : public Dataset {
 public:
  const DatasetInfo& info() const override { return images_.info(); }
  int64_t label(int64_t index) const override { return images_.label(index); }
  std::string place(int64_t index) const override { return images_.place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    ++reads;
    return images_.read(index, storage);
  }
  mutable std::atomic<int> reads = 0;

 private:
  MadeDataset images_{kImages, 3, 20, 24, 4};
};

TEST(ShuffledViews, AnImageIsDecodedOnceWhereNoneIsShuffled) {
  for (const bool shuffled : {false, true}) {
    const auto data = std::make_shared<CountedDataset>();
    Log log;
    const std::vector<bool> views = shuffled ? std::vector<bool>{false, true} : std::vector<bool>{};
    {
      ViewLoader loader(data, two_views(), short_epoch(1, views), log);
      loader.begin_epoch(3, epoch_order(5, 3, kImages));
      for (int64_t step = 0; step < 3; ++step) loader.next();
    }
    EXPECT_EQ(data->reads, shuffled ? 2 * kImages : kImages);
  }
}

TEST(ShuffledViews, NamesThatDoNotFitTheViewsAreRefused) {
  Log log;
  for (const std::vector<bool>& shuffled : std::vector<std::vector<bool>>{{true, true}, {true}}) {
    EXPECT_THROW(ViewLoader(made(kImages), two_views(), short_epoch(1, shuffled), log),
                 std::invalid_argument);
  }
}

}  // namespace
}  // namespace nearfar
