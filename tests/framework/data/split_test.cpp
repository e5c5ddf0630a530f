// Which images pretraining sees and which judge, by settings alone.
#include "framework/data/split.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "framework/data/resident.h"
#include "framework/data/subset.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/made_dataset.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

std::shared_ptr<const Dataset> set_of(int64_t size, int64_t classes) {
  return std::make_shared<MadeDataset>(size, 1, 2, 2, classes);
}

std::set<std::string> places(const std::shared_ptr<const Dataset>& data) {
  std::set<std::string> all;
  for (int64_t i = 0; data != nullptr && i < data->info().size; ++i) all.insert(data->place(i));
  return all;
}

DataParts divide(const DataParts& opened, const DataConfig& config) {
  Log log;
  return divide_data(opened, config, log);
}

TEST(DividedData, LabelledSetsHoldOutAShare) {
  DataConfig config;
  std::string said;
  Log log([&](Level, const std::string& line) { said += line + "\n"; });
  const auto whole = set_of(100, 4);
  const DataParts parts = divide_data({whole}, config, log);
  EXPECT_EQ(parts.train->info().size, 90);
  EXPECT_EQ(parts.test->info().size, 10);
  EXPECT_EQ(places(parts.test), places(split_data(whole, 0.1, 0).test));
  EXPECT_EQ(said,
            "data: 10 of 100 training images are held out for the evaluation "
            "(data.test_fraction=0.1, data.split_seed=0)\n");
  EXPECT_EQ(shared_images(*parts.train, {parts.test}), 0);
  config.split_seed = 1;
  EXPECT_NE(places(divide({whole}, config).test), places(parts.test));
  config.test_fraction = 0.0;
  EXPECT_EQ(divide({whole}, config).train, whole);
  EXPECT_EQ(divide({whole}, config).test, nullptr);
}

TEST(DividedData, WithoutLabelsOrWithATestPartNothingIsHeldOut) {
  const auto unlabelled = set_of(100, 0);
  EXPECT_EQ(divide({unlabelled}, {}).train, unlabelled);
  const auto train = set_of(100, 4), test = set_of(30, 4);
  EXPECT_EQ(divide({train, test}, {}).train, train);
  EXPECT_EQ(divide({train, test}, {}).test, test);
}

TEST(DividedData, ValIsAnotherShareAndMayJudge) {
  DataConfig config;
  config.val_fraction = 0.2;
  const auto whole = set_of(100, 4);
  const DataParts parts = divide({whole}, config);
  EXPECT_EQ(parts.test->info().size, 10);
  EXPECT_EQ(parts.val->info().size, 18);
  EXPECT_EQ(parts.train->info().size, 72);
  std::set<std::string> all = places(parts.train);
  all.merge(places(parts.val));
  all.merge(places(parts.test));
  EXPECT_EQ(all.size(), 100u);
  // The test part does not depend on there being a val part.
  EXPECT_EQ(places(parts.test), places(divide({whole}, {}).test));
  config.evaluate_on = "val";
  EXPECT_EQ(places(divide({whole}, config).test), places(parts.val));
  EXPECT_EQ(places(divide({whole}, config).train), places(parts.train));
  const auto own = set_of(7, 4);
  EXPECT_EQ(divide({whole, own, own}, config).test, own);
  config.val_fraction = 0.0;
  EXPECT_EQ(message_of<ConfigError>([&] { divide({whole}, config); }),
            "data.evaluate_on=val: /made has no val part of its own; expected data.val_fraction "
            "above 0");
}

TEST(DividedData, TheLimitIsStratifiedAndLeavesTheTestPartAlone) {
  DataConfig config;
  config.limit = 22;
  const auto whole = set_of(100, 4);
  const DataParts parts = divide({whole}, config);
  EXPECT_EQ(places(parts.test), places(divide({whole}, {}).test));
  ASSERT_EQ(parts.train->info().size, 22);
  EXPECT_EQ(shared_images(*parts.train, {parts.test}), 0);
  std::map<int64_t, int64_t> counts;
  for (int64_t i = 0; i < 22; ++i) ++counts[parts.train->label(i)];
  // 22 of 90: 5.5 of 22.5 a class, where classes have 22 or 23.
  for (const auto& [label, count] : counts) EXPECT_NEAR(static_cast<double>(count), 5.5, 0.6);
  EXPECT_EQ(places(divide({whole}, config).train), places(parts.train));
  config.split_seed = 1;
  EXPECT_NE(places(divide({whole}, config).train), places(parts.train));
  config.limit = 1000;
  EXPECT_EQ(divide({whole}, config).train->info().size, 90);
}

TEST(DividedData, EveryImageIsLikelyToBeDrawnAlike) {
  // 3 of 10 images, 2,000 seeds: binomial with mean 600 and deviation 20.5; six deviations are
  // exceeded by one of ten counts once in 5e7 choices of seeds.
  const auto whole = set_of(10, 0);
  std::map<std::string, int> counts;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    for (const std::string& place : places(draw_images(whole, 3, seed))) ++counts[place];
  }
  EXPECT_EQ(counts.size(), 10u);
  for (const auto& [place, count] : counts) EXPECT_NEAR(count, 600, 123) << place;
}

TEST(DividedData, EverySmallClassIsLikelyToBeDrawnAlike) {
  // One image of 4 of 8 classes of 5, 2,000 seeds: mean 1,000 and deviation 22.4 a class; six
  // deviations, as above.
  const auto whole = set_of(40, 8);
  std::map<int64_t, int> held_out, limited;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto test = split_data(whole, 0.1, seed).test;
    const auto few = draw_images(whole, 4, seed);
    for (int64_t i = 0; i < 4; ++i) ++held_out[test->label(i)];
    for (int64_t i = 0; i < 4; ++i) ++limited[few->label(i)];
  }
  EXPECT_EQ(held_out.size(), 8u);
  EXPECT_EQ(limited.size(), 8u);
  for (const auto& [label, count] : held_out) EXPECT_NEAR(count, 1000, 134) << label;
  for (const auto& [label, count] : limited) EXPECT_NEAR(count, 1000, 134) << label;
}

TEST(DividedData, LabelledImagesOfClassesWithOthersAreHeldOut) {
  // 40 images without a label, 50 in five classes, 10 alone in theirs.
  const auto label = [](int64_t i) { return i < 40 ? -1 : i < 90 ? i % 5 : i; };
  std::vector<int64_t> labels;
  std::vector<std::string> names;
  for (int64_t i = 0; i < 100; ++i) labels.push_back(label(i));
  for (int64_t i = 0; i < 100; ++i) names.push_back(std::to_string(i));
  const auto whole =
      std::make_shared<ResidentDataset>(ResidentImages{{"made", "", "npy", 100, 1, 1, 1, names},
                                                       std::vector<uint8_t>(100),
                                                       labels,
                                                       {},
                                                       {{"x.npy", 0}}});
  DataConfig config;
  config.val_fraction = 0.2;
  for (config.split_seed = 0; config.split_seed < 20; ++config.split_seed) {
    const DataParts parts = divide({whole}, config);
    ASSERT_EQ(parts.test->info().size, 5);
    ASSERT_EQ(parts.val->info().size, 9);
    ASSERT_EQ(parts.train->info().size, 86);
    for (int64_t i = 0; i < 5; ++i) EXPECT_LT(uint64_t(parts.test->label(i)), 5u);
    for (int64_t i = 0; i < 9; ++i) EXPECT_LT(uint64_t(parts.val->label(i)), 5u);
  }
}

TEST(SharedImages, AreCountedByPlace) {
  const auto whole = set_of(10, 2);
  const auto some = subset(whole, {3, 1, 7, 7});
  EXPECT_EQ(shared_images(*subset(whole, {1, 2, 3}), {some}), 2);
  EXPECT_EQ(shared_images(*subset(whole, {1, 2, 3}), {some, subset(whole, {2, 1})}), 3);
  EXPECT_EQ(shared_images(*whole, {}), 0);
  // However the place is written.
  const std::string here = std::filesystem::current_path().string();
  const auto placed = [](const std::string& path) {
    return std::make_shared<ResidentDataset>(
        ResidentImages{{"made", "", "npy", 1, 1, 1, 1, {}}, {7}, {}, {}, {{path, 0}}});
  };
  for (const char* path : {"x.npy", "./x.npy", "a/../x.npy", ".//x.npy"}) {
    EXPECT_EQ(shared_images(*placed(path), {placed(here + "/x.npy")}), 1) << path;
    EXPECT_EQ(shared_images(*placed(path), {placed(here + "/y.npy")}), 0) << path;
  }
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() + "/real");
  std::filesystem::create_directory_symlink("real", folder.path() + "/link");
  std::ofstream(folder.path() + "/real/x.npy") << "x";
  std::filesystem::create_symlink("real/x.npy", folder.path() + "/x.npy");
  for (const char* path : {"/link/x.npy", "/x.npy"}) {
    EXPECT_EQ(shared_images(*placed(folder.path() + path), {placed(folder.path() + "/real/x.npy")}),
              1)
        << path;
  }
}

}  // namespace
}  // namespace nearfar
