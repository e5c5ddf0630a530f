// Balanced batches: what each of them holds, how often classes and images come, and refusals.
#include "framework/data/sampler.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "framework/data/loader.h"
#include "framework/data/subset.h"
#include "tests/framework/data/folder_tests.h"
#include "tests/framework/data/made_dataset.h"

namespace nearfar {
namespace {

/// A set whose class c has sizes[c] images, in mixed order; its label is index % classes inside.
std::shared_ptr<const Dataset> set_of(const std::vector<int64_t>& sizes) {
  const auto classes = static_cast<int64_t>(sizes.size());
  const int64_t most = *std::max_element(sizes.begin(), sizes.end());
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < most; ++i) {
    for (int64_t c = 0; c < classes; ++c) {
      if (i < sizes[c]) chosen.push_back(i * classes + c);
    }
  }
  return subset(std::make_shared<MadeDataset>(most * classes, 1, 2, 2, classes), chosen);
}

SamplerPlan balanced(int64_t classes, int64_t images) {
  SamplerPlan plan;
  plan.balanced = true;
  plan.batch = classes * images;
  plan.classes_per_batch = classes;
  plan.images_per_class = images;
  return plan;
}

template <typename Key>
int64_t range_of(const std::map<Key, int64_t>& counts) {
  int64_t low = INT64_MAX, high = 0;
  for (const auto& [key, count] : counts) {
    low = std::min(low, count);
    high = std::max(high, count);
  }
  return high - low;
}

TEST(EpochSampler, ShuffledIsTheOrderOfAnEpoch) {
  const MadeDataset data(100, 1, 2, 2, 4);
  SamplerPlan plan;
  plan.batch = 30;
  EXPECT_EQ(EpochSampler(data, plan).order(3, 4), epoch_order(3, 4, 100));
  EXPECT_EQ(EpochSampler(data, plan).steps_per_epoch(), 3);
  EXPECT_EQ(EpochSampler(data, plan).images_seen(), 90.0);
  plan.drop_last = false;
  EXPECT_EQ(EpochSampler(data, plan).steps_per_epoch(), 4);
  EXPECT_EQ(EpochSampler(data, plan).images_seen(), 100.0);
}

/// How often rows hold each image, by class.
using Contents = std::map<int64_t, std::map<int64_t, int64_t>>;

Contents contents_of(const Dataset& data, std::span<const int64_t> rows) {
  Contents contents;
  for (const int64_t image : rows) ++contents[data.label(image)][image];
  return contents;
}

void check_batch(const Contents& batch, const std::vector<int64_t>& sizes, int64_t k) {
  for (const auto& [label, images] : batch) {
    int64_t rows = 0;
    for (const auto& [image, times] : images) rows += times;
    RC_ASSERT(rows == k);
    RC_ASSERT(static_cast<int64_t>(images.size()) == std::min(k, sizes[label]));
    RC_ASSERT(range_of(images) <= 1);
  }
}

/// Classes come equally often, up to one; so do the images of a class.
void check_epoch(const Dataset& data, const std::vector<int64_t>& order, int64_t k) {
  Contents epoch = contents_of(data, order);
  for (int64_t i = 0; i < data.info().size; ++i) epoch[data.label(i)].emplace(i, 0);
  std::map<int64_t, int64_t> turns;
  for (const auto& [label, images] : epoch) {
    RC_ASSERT(range_of(images) <= 1);
    for (const auto& [image, times] : images) turns[label] += times;
    RC_ASSERT(turns[label] % k == 0);
    turns[label] /= k;
  }
  RC_ASSERT(range_of(turns) <= 1);
}

RC_GTEST_PROP(BalancedSampler, EveryBatchIsExact, ()) {
  const auto sizes =
      *rc::gen::suchThat(rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 9)),
                         [](const std::vector<int64_t>& all) {
                           return all.size() < 20 && std::any_of(all.begin(), all.end(),
                                                                 [](int64_t n) { return n > 0; });
                         });
  const auto data = set_of(sizes);
  const auto classes = std::count_if(sizes.begin(), sizes.end(), [](int64_t n) { return n > 0; });
  const auto m = *rc::gen::inRange<int64_t>(1, classes + 1);
  const auto k = *rc::gen::inRange<int64_t>(1, 7);
  const EpochSampler sampler(*data, balanced(m, k));
  const auto seed = *rc::gen::inRange<uint64_t>(0, 1000);
  const std::vector<int64_t> order = sampler.order(seed, 2);
  RC_ASSERT(sampler.steps_per_epoch() == std::max<int64_t>(1, data->info().size / (m * k)));
  RC_ASSERT(static_cast<int64_t>(order.size()) == sampler.steps_per_epoch() * m * k);
  RC_ASSERT(order == EpochSampler(*data, balanced(m, k)).order(seed, 2));
  for (int64_t step = 0; step < sampler.steps_per_epoch(); ++step) {
    const Contents batch = contents_of(*data, std::span(order).subspan(step * m * k, m * k));
    RC_ASSERT(static_cast<int64_t>(batch.size()) == m);
    check_batch(batch, sizes, k);
  }
  check_epoch(*data, order, k);
}

TEST(BalancedSampler, EpochsAndSeedsDiffer) {
  const auto data = set_of({10, 10, 10});
  const EpochSampler sampler(*data, balanced(2, 3));
  EXPECT_NE(sampler.order(1, 0), sampler.order(1, 1));
  EXPECT_NE(sampler.order(1, 0), sampler.order(2, 0));
}

TEST(BalancedSampler, ImagesOfAClassAndClassesAreEquallyLikely) {
  // Eight batches of 2 of 5 classes with 2 of 7 images: a class has 3 turns, with probability 1/5
  // a fourth; an image comes once in 6 of 7 epochs of the first kind, once or (1 in 7) twice in
  // those of the second. Over 20,000 epochs the mean of each of 35 counts is 18285.7, its deviation
  // 52.1; six deviations are passed by one of 35 once in 1.4e7 choices of the seed. The class of an
  // epoch's first row is uniform: chi-square with 4 degrees of freedom is above 33 once in 8e5.
  const auto data = set_of({7, 7, 7, 7, 7});
  const EpochSampler sampler(*data, balanced(2, 2));
  ASSERT_EQ(sampler.steps_per_epoch(), 8);
  std::map<int64_t, double> images, first_class;
  for (int64_t epoch = 0; epoch < 20000; ++epoch) {
    const std::vector<int64_t> order = sampler.order(11, epoch);
    for (const int64_t image : order) ++images[image];
    ++first_class[data->label(order[0])];
  }
  ASSERT_EQ(images.size(), 35u);
  for (const auto& [image, count] : images) {
    EXPECT_NEAR(count, 20000 * 32.0 / 35, 6 * 52.1) << image;
  }
  double chi_square = 0.0;
  for (const auto& [label, count] : first_class) {
    chi_square += (count - 4000) * (count - 4000) / 4000;
  }
  EXPECT_LT(chi_square, 33.0);
}

TEST(BalancedSampler, ImagesSeenIsTheMeanOverEpochs) {
  // Classes of 2, 5, 30 and 60 images: 97 / 12 = 8 batches of 3 of 4 classes, 24 turns, 6 each of 4
  // images: 2 + 5 + 24 + 24. With 5 a batch (1 class): 19 turns, 4.75 each of 5: 2 + 5 + 23.75 * 2,
  // which single epochs miss: the mean of 4,000 has a deviation of 0.04.
  const auto data = set_of({2, 5, 30, 60});
  EXPECT_EQ(EpochSampler(*data, balanced(3, 4)).images_seen(), 55.0);
  const EpochSampler sampler(*data, balanced(1, 5));
  EXPECT_DOUBLE_EQ(sampler.images_seen(), 54.5);
  double seen = 0.0;
  for (int64_t epoch = 0; epoch < 4000; ++epoch) {
    const std::vector<int64_t> order = sampler.order(3, epoch);
    seen += static_cast<double>(std::set<int64_t>(order.begin(), order.end()).size()) / 4000;
  }
  EXPECT_NEAR(seen, 54.5, 0.25);
  EXPECT_EQ(sampler.words(),
            "batches of 1 of 4 classes with 5 images each, 19 batches an epoch, which shows 56.2 % "
            "of the images; classes with fewer than 5 images, which repeat them: 1");
}

TEST(BalancedSampler, WhatDoesNotFitIsNamed) {
  const auto error = [](const Dataset& data, SamplerPlan plan) {
    return message_of<ConfigError>([&] { EpochSampler(data, plan); });
  };
  const MadeDataset data(40, 1, 2, 2, 4);
  SamplerPlan plan = balanced(2, 8);
  plan.batch = 32;
  EXPECT_EQ(error(data, plan),
            "data.sampler=balanced: expected data.classes_per_batch * data.images_per_class to be "
            "train.batch=32, found data.classes_per_batch=2 and data.images_per_class=8");
  EXPECT_EQ(error(data, balanced(5, 2)),
            "data.sampler=balanced: expected data.classes_per_batch of at most the 4 classes that "
            "have images, found 5");
  EXPECT_EQ(error(MadeDataset(40, 1, 2, 2, 0), balanced(2, 2)),
            "data.sampler=balanced: expected labels, one folder per class for instance, found "
            "/made, which has none");
  plan.classes_per_batch = plan.images_per_class = INT64_C(1) << 32;  // whose product overflows
  plan.batch = 16;
  EXPECT_TRUE(contains(error(data, plan), "to be train.batch=16"));
}

}  // namespace
}  // namespace nearfar
