// The neighbour protocol: leave-one-out against plain loops, and a choice that is blind to the test
// set.
#include "framework/evaluate/knn_protocol.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "framework/evaluate/nearest_neighbors.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

struct Data {
  at::Tensor train_label = synthetic::labels(150, 4, 1);
  // The common offset makes centring matter.
  at::Tensor train = synthetic::clouds(train_label, 4, 6, 0.8, 2) + 2.0;
  at::Tensor test_label = synthetic::labels(90, 4, 3);
  at::Tensor test = synthetic::clouds(test_label, 4, 6, 0.8, 4) + 2.0;
};

KnnConfig small_config() {
  KnnConfig config;
  config.k = {1, 7, 40, 1000};
  config.temperature = {0.07, 0.5};
  return config;
}

TEST(KnnSettings, CoverEveryCombinationOnce) {
  const auto settings = knn_settings(small_config());
  ASSERT_EQ(settings.size(), 16u);
  EXPECT_EQ(settings[0], (KnnSetting{1, 0.07, false}));
  EXPECT_EQ(settings[5], (KnnSetting{7, 0.5, false}));
  EXPECT_EQ(settings[15], (KnnSetting{1000, 0.5, true}));
}

TEST(KnnSweep, EqualsOneVoteForEachSetting) {
  const Data d;
  const auto settings = knn_settings(small_config());
  const auto swept =
      knn_sweep(d.train, d.train_label, d.test, d.test_label, 4, small_config(), true, true);
  ASSERT_EQ(swept.size(), settings.size());
  for (size_t i = 0; i < settings.size(); ++i) {
    const at::Tensor mean = settings[i].centred ? d.train.mean(0) : at::zeros({6}, at::kDouble);
    const auto neighbors = nearest_neighbors(d.train - mean, d.test - mean, settings[i].k);
    const at::Tensor guess =
        vote(neighbors, d.train_label, 4, settings[i].k, settings[i].temperature).argmax(1);
    EXPECT_DOUBLE_EQ(swept[i].top1, (guess == d.test_label).to(at::kDouble).mean().item<double>());
  }
  const auto plain =
      knn_sweep(d.train, d.train_label, d.test, d.test_label, 4, small_config(), true, false);
  ASSERT_EQ(plain.size(), settings.size());
  EXPECT_EQ(plain[3].top1, swept[3].top1);
  EXPECT_EQ(plain[11].count, 0);
}

TEST(KnnLeaveOneOut, EqualsSearchingAmongTheOthers) {
  const Data d;
  const auto settings = knn_settings(small_config());
  const auto result = knn_leave_one_out(d.train, d.train_label, 4, small_config(), 1);
  ASSERT_EQ(result.size(), settings.size());
  for (const size_t i : {size_t{1}, size_t{6}, size_t{7}, size_t{10}}) {
    // The mean of all images is subtracted, the left-out one included: labels do not enter it.
    const at::Tensor rows = settings[i].centred ? d.train - d.train.mean(0) : d.train;
    int64_t right = 0;
    for (int64_t own = 0; own < 150; ++own) {
      const at::Tensor others = at::cat({at::arange(0, own), at::arange(own + 1, 150)});
      const auto neighbors =
          nearest_neighbors(rows.index_select(0, others), rows.narrow(0, own, 1), settings[i].k);
      const at::Tensor guess = vote(neighbors, d.train_label.index_select(0, others), 4,
                                    settings[i].k, settings[i].temperature)
                                   .argmax(1);
      right += guess.item<int64_t>() == d.train_label[own].item<int64_t>();
    }
    EXPECT_DOUBLE_EQ(result[i], static_cast<double>(right) / 150.0) << i;
  }
}

TEST(KnnLeaveOneOut, AnImageDoesNotVoteForItselfEvenAmongItsCopies) {
  // 12 copies of one row, of alternating class, k = 1: whoever is nearest by index is not the row
  // itself.
  const at::Tensor rows = at::ones({12, 3}, at::kDouble);
  const at::Tensor label = at::arange(12, at::kLong);
  KnnConfig config;
  config.k = {1};
  config.temperature = {0.1};
  for (const double top1 : knn_leave_one_out(rows, label, 12, config, 1)) EXPECT_EQ(top1, 0.0);
}

TEST(KnnLeaveOneOut, SamplesWhereThereAreMany) {
  const Data d;
  KnnConfig config = small_config();
  config.choice_images = 10;
  for (const double top1 : knn_leave_one_out(d.train, d.train_label, 4, config, 1)) {
    EXPECT_NEAR(top1 * 10.0, std::round(top1 * 10.0), 1e-12);
  }
}

TEST(KnnProtocol, TakesTheBestLeftOutSettingWithoutTheTestLabels) {
  const Data d;
  const auto a = knn_protocol(d.train, d.train_label, d.test, d.test_label, 4, small_config(), 5);
  const auto b = knn_protocol(d.train, d.train_label, d.test * -1.0,
                              (d.test_label + 1).remainder(4), 4, small_config(), 5);
  EXPECT_EQ(a.chosen, b.chosen);
  EXPECT_EQ(a.held_out, b.held_out);
  EXPECT_NE(a.test[a.chosen].top1, b.test[b.chosen].top1);
  EXPECT_EQ(a.held_out[a.chosen], *std::max_element(a.held_out.begin(), a.held_out.end()));
  EXPECT_EQ(a.test[a.chosen].count, 90);
}

}  // namespace
}  // namespace nearfar
