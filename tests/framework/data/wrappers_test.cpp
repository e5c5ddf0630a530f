// Data sets that wrap data sets: subset, repeat, map, split; and statistics of pixels.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "framework/data/map.h"
#include "framework/data/open.h"
#include "framework/data/repeat.h"
#include "framework/data/split.h"
#include "framework/data/statistics.h"
#include "framework/data/subset.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {
namespace {

std::shared_ptr<const Dataset> made(int64_t size, int64_t classes, int channels = 3) {
  return std::make_shared<MadeDataset>(size, channels, 4, 5, classes);
}

uint8_t first_pixel(const Dataset& data, int64_t index) {
  PixelBuffer storage;
  return data.read(index, storage).pixels[0];
}

TEST(Subset, KeepsItsOrder) {
  const auto part = subset(made(10, 3), {7, 2, 7});
  EXPECT_EQ(part->info().size, 3);
  EXPECT_EQ(part->label(0), 1);
  EXPECT_EQ(part->place(1), "made[2]");
  EXPECT_EQ(first_pixel(*part, 2), 7 * 13);
  EXPECT_THROW(subset(made(10, 3), {10}), std::out_of_range);
  EXPECT_THROW(subset(made(10, 3), {-1}), std::out_of_range);
}

TEST(Repeat, GoesRound) {
  const auto thrice = repeat(made(4, 3), 3);
  EXPECT_EQ(thrice->info().size, 12);
  EXPECT_EQ(thrice->place(11), "made[3]");
  EXPECT_EQ(thrice->label(5), 1);
  EXPECT_EQ(first_pixel(*thrice, 6), 2 * 13);
  EXPECT_THROW(repeat(made(4, 3), 0), std::invalid_argument);
}

TEST(Map, ImagesWrittenAndBorrowed) {
  const auto inverted = map_images(
      made(4, 0),
      [](const Image& image, PixelBuffer& storage) {
        storage.bytes.assign(image.pixels, image.pixels + 60);
        for (uint8_t& value : storage.bytes) value = static_cast<uint8_t>(255 - value);
        return whole_image(storage.bytes.data(), 4, 5, 3);
      },
      3, 4, 5);
  EXPECT_EQ(first_pixel(*inverted, 2), 255 - 26);
  // The lower half of the source picture, borrowed from it: must live as long as the storage.
  const auto half = map_images(
      inverted,
      [](const Image& image, PixelBuffer&) { return whole_image(image.pixels + 30, 2, 5, 3); }, 3,
      2, 5);
  PixelBuffer storage;
  const Image image = half->read(1, storage);
  EXPECT_EQ(half->info().height, 2);
  EXPECT_GE(image.pixels, storage.bytes.data());
  EXPECT_LT(image.pixels, storage.bytes.data() + storage.bytes.size());
  EXPECT_EQ(image.pixels[0], 255 - static_cast<uint8_t>(13 + 30 * 7));
}

TEST(Map, Labels) {
  const auto parity =
      map_labels(made(9, 9), [](int64_t label) { return label % 2; }, {"even", "odd"});
  EXPECT_EQ(parity->label(7), 1);
  EXPECT_EQ(parity->info().class_names.size(), 2u);
  EXPECT_EQ(first_pixel(*parity, 1), 13);
}

std::vector<std::string> places(const Dataset& data) {
  std::vector<std::string> result;
  for (int64_t i = 0; i < data.info().size; ++i) result.push_back(data.place(i));
  return result;
}

TEST(Split, IsStratifiedAndComplete) {
  // 103 images of 4 classes: 26, 26, 26, 25. A fifth is 21 (20.6): 5.3, 5.3, 5.3, 5.1 by class.
  const auto whole = made(103, 4);
  const DataParts parts = split_data(whole, 0.2, 7);
  EXPECT_EQ(parts.test->info().size, 21);
  EXPECT_EQ(parts.train->info().size, 82);
  std::set<std::string> all;
  for (const auto& part : {parts.train, parts.test}) {
    for (const std::string& place : places(*part)) EXPECT_TRUE(all.insert(place).second) << place;
  }
  EXPECT_EQ(all.size(), 103u);
  std::map<int64_t, int> counts;
  for (int64_t i = 0; i < 21; ++i) ++counts[parts.test->label(i)];
  EXPECT_EQ(counts, (std::map<int64_t, int>{{0, 6}, {1, 5}, {2, 5}, {3, 5}}));
}

TEST(Split, DependsOnTheSeedAlone) {
  const auto whole = made(100, 0);
  EXPECT_EQ(places(*split_data(whole, 0.3, 1).test), places(*split_data(whole, 0.3, 1).test));
  EXPECT_NE(places(*split_data(whole, 0.3, 1).test), places(*split_data(whole, 0.3, 2).test));
}

TEST(Split, EveryImageIsEquallyLikely) {
  // 2,000 seeds, 3 of 10 images: each count is binomial with mean 600 and deviation 20.5; six
  // deviations are exceeded by one of ten counts once in 5e7 choices of seeds.
  const auto whole = made(10, 0);
  std::map<std::string, int> counts;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    for (const std::string& place : places(*split_data(whole, 0.3, seed).test)) ++counts[place];
  }
  EXPECT_EQ(counts.size(), 10u);
  for (const auto& [place, count] : counts) EXPECT_NEAR(count, 600, 123) << place;
}

TEST(Split, NothingToSetAside) {
  const auto whole = made(4, 0);
  EXPECT_EQ(split_data(whole, 0.0, 1).test, nullptr);
  EXPECT_EQ(split_data(whole, 0.1, 1).train, whole);
  EXPECT_EQ(split_data(whole, 0.9, 1).train->info().size, 1);
  EXPECT_THROW(split_data(whole, 1.0, 1), std::invalid_argument);
}

TEST(Statistics, EqualTheDefinition) {
  const auto data = made(11, 0);
  for (int c = 0; c < 3; ++c) {
    std::vector<double> values;
    for (int64_t i = 0; i < 11; ++i) {
      PixelBuffer storage;
      const Image image = data->read(i, storage);
      for (int p = 0; p < 20; ++p) values.push_back(image.pixels[3 * p + c] / 255.0);
    }
    double mean = 0.0, squares = 0.0;
    for (double value : values) mean += value / static_cast<double>(values.size());
    for (double value : values) squares += (value - mean) * (value - mean);
    const ChannelStatistics statistics = channel_statistics(*data, 100);
    EXPECT_NEAR(statistics.mean[c], mean, 1e-14);
    EXPECT_NEAR(statistics.std[c], std::sqrt(squares / static_cast<double>(values.size())), 1e-14);
  }
}

TEST(Statistics, SomeImagesAreEvenlySpread) {
  // Of 11 images the 0th, 3rd and 7th (i * 11 / 3).
  const ChannelStatistics some = channel_statistics(*made(11, 0), 3);
  const ChannelStatistics expected = channel_statistics(*subset(made(11, 0), {0, 3, 7}), 3);
  EXPECT_EQ(some.mean, expected.mean);
  EXPECT_EQ(some.std, expected.std);
}

TEST(Normalize, GivenMeasuredOrImageNet) {
  const auto data = made(11, 0, 1);
  DataConfig config;
  Normalize normalize = resolve_normalize(config, *data);
  EXPECT_FLOAT_EQ(normalize.mean[0], static_cast<float>(channel_statistics(*data, 11).mean[0]));
  EXPECT_EQ(normalize.std[1], 1.0f);
  config.mean = {0.25};
  config.std = {0.5};
  normalize = resolve_normalize(config, *data);
  EXPECT_EQ(normalize.mean[0], 0.25f);
  EXPECT_EQ(normalize.std[0], 0.5f);
  config.mean = {0.1, 0.2, 0.3};
  EXPECT_EQ(message_of<ConfigError>([&] { resolve_normalize(config, *data); }),
            "data.mean: expected 1 numbers, one for each channel of the data, found 3");
}

}  // namespace
}  // namespace nearfar
