// Measurements: what they count and how they are summed up; not how fast this machine is.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <stdexcept>
#include <thread>

#include "framework/data/load_speed.h"
#include "framework/data/open.h"
#include "framework/data/view_speed.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/loader_setup.h"
#include "tests/framework/data/picture_files.h"

namespace nearfar {
namespace {

BenchmarkPlan short_plan() {
  BenchmarkPlan plan;
  plan.seconds = 0.06;
  plan.rounds = 3;
  plan.threads = 2;
  return plan;
}

/// Collects what a measurement tells of its progress.
struct Ticks {
  std::vector<double> seen;
  Tick tick() {
    return [this](double done) { seen.push_back(done); };
  }
};

void expect_sound(const std::vector<StageTime>& stages, const std::vector<std::string>& names) {
  ASSERT_EQ(stages.size(), names.size());
  double shares = 0.0;
  for (size_t i = 0; i < stages.size(); ++i) {
    EXPECT_EQ(stages[i].name, names[i]);
    EXPECT_LE(stages[i].seconds.low, stages[i].seconds.median);
    EXPECT_LE(stages[i].seconds.median, stages[i].seconds.high);
    EXPECT_GE(stages[i].seconds.low, 0.0);
    shares += stages[i].share;
  }
  EXPECT_NEAR(shares, 1.0, 1e-12);
}

void expect_rate(const Spread& rate) {
  EXPECT_GT(rate.low, 0.0);
  EXPECT_LE(rate.low, rate.median);
  EXPECT_LE(rate.median, rate.high);
  EXPECT_TRUE(std::isfinite(rate.high));
}

TEST(Spreads, AreMediansAndRanges) {
  EXPECT_EQ(spread_of({3.0}).median, 3.0);
  EXPECT_EQ(spread_of({5.0, 1.0, 2.0}).median, 2.0);
  EXPECT_EQ(spread_of({4.0, 1.0, 2.0, 9.0}).median, 3.0);
  EXPECT_EQ(spread_of({4.0, 1.0, 2.0, 9.0}).low, 1.0);
  EXPECT_EQ(spread_of({4.0, 1.0, 2.0, 9.0}).high, 9.0);
  EXPECT_THROW(spread_of({}), std::invalid_argument);
}

TEST(StageTimes, SharesAreOfTheMedians) {
  const auto stages = stage_times({"a", "b"}, {{1.0, 100.0, 1.0}, {3.0, 2.0, 4.0}});
  EXPECT_EQ(stages[0].share, 0.25);
  EXPECT_EQ(stages[1].share, 0.75);
  EXPECT_EQ(slowest(stages).name, "b");
  const auto nothing = stage_times({"a"}, {{0.0}});
  EXPECT_EQ(nothing[0].share, 0.0);
}

TEST(ViewSpeeds, CountImagesWithAllTheirViews) {
  const ImageSample sample(*made(5), 64);
  ASSERT_EQ(sample.images().size(), 5u);
  Ticks ticks;
  const ViewSpeed speed = measure_views(sample.images(), two_views(), short_plan(), ticks.tick());
  expect_rate(speed.one_thread);
  expect_rate(speed.all_threads);
  expect_sound(speed.stages, {"draw", "crop and resize", "colour", "blur"});
  EXPECT_EQ(ticks.seen.size(), 3u);
  EXPECT_EQ(ticks.seen.back(), 1.0);
}

TEST(ViewSpeeds, AnEasierPolicyIsFaster) {
  // 64 times the pixels: no load on the machine makes up for that.
  ViewPolicy small;
  small.size = 16;
  ViewPolicy large = small;
  large.size = 128;
  const ImageSample sample(*made(3), 3);
  Ticks ticks;
  const auto rate = [&](const ViewPolicy& policy) {
    return measure_views(sample.images(), {policy}, short_plan(), ticks.tick()).one_thread.median;
  };
  EXPECT_GT(rate(small), 2.0 * rate(large));
}

TEST(ViewSpeeds, NeedImagesAndPolicies) {
  const ImageSample sample(*made(3), 3);
  EXPECT_THROW(measure_views({}, two_views(), short_plan(), [](double) {}), std::invalid_argument);
  EXPECT_THROW(measure_views(sample.images(), {}, short_plan(), [](double) {}),
               std::invalid_argument);
}

TEST(ImageSamples, LeaveOutWhatCannotBeRead) {
  EXPECT_EQ(ImageSample(*made(6, {0, 4}), 6).images().size(), 4u);
  EXPECT_EQ(message_of<DataError>([] {
              ImageSample(*made(2, {0, 1}), 2);
            }),
            "/made: no image can be read: made[1]: made unreadable");
  const int64_t one_image = 20 * 24 * 3;
  EXPECT_EQ(ImageSample(*made(6), 6, 2 * one_image).images().size(), 2u);
}

TEST(ImageSamples, KeepTheirPixels) {
  const auto set = made(40);
  const ImageSample sample(*set, 40);
  PixelBuffer storage;
  for (int64_t i = 0; i < 40; ++i) {
    const Image expected = set->read(i, storage);
    const Image& kept = sample.images()[static_cast<size_t>(i)];
    ASSERT_TRUE(std::equal(expected.pixels, expected.pixels + 20 * 24 * 3, kept.pixels));
  }
}

TEST(LoadSpeeds, OfAFolderOfFiles) {
  TemporaryFolder folder;
  const Bytes jpeg = encode_jpeg(sample_picture(40, 50));
  for (int i = 0; i < 6; ++i) folder.write(std::to_string(i) + ".jpg", jpeg);
  DataConfig config;
  config.path = folder.path();
  Log log;
  Ticks ticks;
  const LoadSpeed speed = measure_loading(open_data(config, log).train, two_views(), plan_of(6, 1),
                                          short_plan(), ticks.tick());
  expect_rate(speed.one_worker);
  expect_rate(speed.all_workers);
  expect_rate(speed.unrendered);
  expect_sound(speed.stages, {"read", "decode", "draw", "render"});
  EXPECT_GT(speed.first_read, 0.0);
  EXPECT_EQ(speed.bytes, static_cast<double>(jpeg.size()));
  EXPECT_EQ(ticks.seen.back(), 1.0);
}

TEST(LoadSpeeds, OfASetInMemoryReadsNoFiles) {
  const LoadSpeed speed =
      measure_loading(made(9), two_views(), plan_of(4, 1), short_plan(), [](double) {});
  expect_rate(speed.one_worker);
  EXPECT_EQ(speed.first_read, 0.0);
  EXPECT_EQ(speed.bytes, 0.0);
}

/// A made set whose images take a millisecond each, some of them in vain; ends a measurement that
/// reads more than `most` of them.
class SlowDataset final : public Dataset {
 public:
  SlowDataset(std::shared_ptr<const Dataset> made, int64_t most)
      : made_(std::move(made)), most_(most) {}
  const DatasetInfo& info() const override { return made_->info(); }
  int64_t label(int64_t index) const override { return made_->label(index); }
  std::string place(int64_t index) const override { return made_->place(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    if (++reads_ > most_) throw std::runtime_error("more reads than the time allows");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return made_->read(index, storage);
  }

 private:
  std::shared_ptr<const Dataset> made_;
  int64_t most_;
  mutable std::atomic<int64_t> reads_ = 0;
};

TEST(LoadSpeeds, EndByTheClockWhereTheFirstImagesAreUnreadable) {
  const std::vector<int64_t> order = epoch_order(5, 0, 64);
  LoaderPlan plan = plan_of(16, 1);
  plan.skip_bad_images = true;
  plan.max_bad_fraction = 0.5;
  // In 60 ms the stages read some 60 images, and nine loaders keep at most 4 batches of 16 each
  // beside what they count, however busy the machine is.
  const auto slow =
      std::make_shared<SlowDataset>(made(64, {order.begin(), order.begin() + 5}), 4000);
  const LoadSpeed speed = measure_loading(slow, two_views(), plan, short_plan(), [](double) {});
  expect_rate(speed.one_worker);
  expect_sound(speed.stages, {"read", "decode", "draw", "render"});
  EXPECT_GE(speed.stages[1].seconds.low, 1e-3);
}

TEST(LoadSpeeds, EndWhereNoImageIsReadable) {
  std::set<int64_t> bad;
  for (int64_t i = 0; i < 80; ++i) bad.insert(i);
  LoaderPlan plan = plan_of(4, 1);
  plan.skip_bad_images = true;
  plan.max_bad_fraction = 1.0;
  const std::string said = message_of<DataError>(
      [&] { measure_loading(made(80, bad), two_views(), plan, short_plan(), [](double) {}); });
  EXPECT_TRUE(said.starts_with("/made: none of 65 images in a row can be read; last: made["))
      << said;
}

TEST(LoadSpeeds, UnreadableImagesStopItUnlessSkipped) {
  LoaderPlan plan = plan_of(4, 1);
  const auto measure = [&] {
    return measure_loading(made(8, {0, 1, 2, 3}), two_views(), plan, short_plan(), [](double) {});
  };
  EXPECT_THROW(measure(), BadImage);
  plan.skip_bad_images = true;
  plan.max_bad_fraction = 0.5;
  expect_rate(measure().one_worker);
}

}  // namespace
}  // namespace nearfar
