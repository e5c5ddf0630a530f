// The SGD probe: its sweep against plain loops, its schedules, and a choice that is blind to the
// test set.
#include "framework/evaluate/linear_sgd.h"

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>

#include "framework/data/loader.h"
#include "framework/error.h"
#include "framework/evaluate/labelled_subset.h"
#include "tests/framework/evaluate/naive_sgd.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

constexpr int64_t kClasses = 3;

/// 90 labelled images out of a training set of 120, and 200 to test on.
struct Data {
  at::Tensor all_label = synthetic::labels(120, kClasses, 1);
  at::Tensor all = synthetic::clouds(all_label, kClasses, 10, 0.4, 2);
  TrainingViews views = fixed_features(all);
  ProbeData probe;

  Data() {
    probe.positions = at::arange(90, at::kLong) + 20;
    probe.train = all.index_select(0, probe.positions);
    probe.train_label = all_label.index_select(0, probe.positions);
    probe.test_label = synthetic::labels(200, kClasses, 3);
    probe.test = synthetic::clouds(probe.test_label, kClasses, 10, 0.4, 4);
    probe.classes = kClasses;
  }
};

LinearSgdConfig small_config() {
  LinearSgdConfig config;
  config.epochs = 7;
  config.min_steps = 0;
  config.batch = 32;
  config.learning_rate = {0.08, 0.8, 40.0};
  config.weight_decay = {0.0, 0.01};
  config.milestones = {0.3, 0.75};
  config.folds = 4;
  return config;
}

TEST(LinearSgdSettings, AreEveryRateWithEveryDecay) {
  const auto settings = linear_sgd_settings(small_config());
  ASSERT_EQ(settings.size(), 6u);
  EXPECT_EQ(settings[1].learning_rate, 0.8);
  EXPECT_EQ(settings[1].weight_decay, 0.0);
  EXPECT_EQ(settings[5].learning_rate, 40.0);
  EXPECT_EQ(settings[5].weight_decay, 0.01);
}

TEST(RateFactor, IsThePublishedSchedules) {
  LinearSgdConfig config;
  EXPECT_EQ(rate_factor(config, 0.0), 1.0);
  EXPECT_NEAR(rate_factor(config, 0.5), 0.5, 1e-15);
  EXPECT_NEAR(rate_factor(config, 1.0 / 3.0), 0.75, 1e-15);
  config.schedule = "step";  // MoCo: 60 and 80 of 100 epochs
  EXPECT_EQ(rate_factor(config, 0.599), 1.0);
  EXPECT_NEAR(rate_factor(config, 0.6), 0.1, 1e-15);
  EXPECT_NEAR(rate_factor(config, 0.8), 0.01, 1e-15);
  config.schedule = "constant";
  EXPECT_EQ(rate_factor(config, 0.9), 1.0);
}

/// One setting trained by plain loops on the rows of `learns`.
NaiveClassifier train_naively(const Data& d, const LinearSgdConfig& config, size_t setting,
                              const at::Tensor& learns, uint64_t seed) {
  const SgdSetting s = linear_sgd_settings(config)[setting];
  NaiveClassifier model(kClasses, 10, s.learning_rate * 32.0 / 256.0, s.weight_decay,
                        config.momentum, config.nesterov);
  for (int64_t step = 0; step < 7 * 3; ++step) {
    const std::vector<int64_t> order = epoch_order(seed, step / 3, 90);
    std::vector<int64_t> rows;
    for (int64_t i = step % 3 * 32; i < std::min<int64_t>(90, step % 3 * 32 + 32); ++i) {
      if ((learns == order[i]).any().item<bool>()) rows.push_back(order[i]);
    }
    const double done = static_cast<double>(step) / 21.0;
    const double factor = config.schedule == "cosine" ? 0.5 * (1.0 + std::cos(M_PI * done))
                          : done >= 0.75              ? 0.01
                          : done >= 0.3               ? 0.1
                                                      : 1.0;
    const at::Tensor row = at::tensor(rows, at::kLong);
    model.step(d.probe.train.index_select(0, row), d.probe.train_label.index_select(0, row),
               factor);
  }
  return model;
}

TEST(LinearSgd, IsTheProtocolByPlainLoops) {
  const Data d;
  for (const std::string schedule : {"cosine", "step"}) {
    LinearSgdConfig config = small_config();
    config.schedule = schedule;
    config.nesterov = schedule == "step";
    const LinearSgdResult result = linear_sgd(d.views, d.probe, config, 5);
    ASSERT_EQ(result.parts, 4);
    ASSERT_EQ(result.held_out.size(), 6u);
    EXPECT_EQ(result.batch, 32);
    EXPECT_EQ(result.epochs, 7);
    for (size_t k = 0; k < 6; ++k) {
      double right = 0.0;
      for (const HeldOut& fold : stratified_folds(d.probe.train_label, kClasses, 4, 5)) {
        right += static_cast<double>(fold.held_out.size(0)) *
                 train_naively(d, config, k, fold.fit, 5)
                     .accuracy(d.probe.train.index_select(0, fold.held_out),
                               d.probe.train_label.index_select(0, fold.held_out));
      }
      EXPECT_NEAR(result.held_out[k], right / 90.0, 1e-12) << schedule << " " << k;
    }
    EXPECT_EQ(result.chosen, best_held_out(result.held_out));
    const NaiveClassifier all =
        train_naively(d, config, result.chosen, at::arange(90, at::kLong), 5);
    EXPECT_NEAR(result.accuracy.top1, all.accuracy(d.probe.test, d.probe.test_label), 1e-12);
  }
}

TEST(LinearSgd, NeverSeesTheTestLabels) {
  Data d;
  const LinearSgdResult a = linear_sgd(d.views, d.probe, small_config(), 5);
  d.probe.test_label = (d.probe.test_label + 1).remainder(kClasses);
  d.probe.test = d.probe.test * -1.0;
  const LinearSgdResult b = linear_sgd(d.views, d.probe, small_config(), 5);
  EXPECT_EQ(a.chosen, b.chosen);
  EXPECT_EQ(a.held_out, b.held_out);
  EXPECT_NE(a.accuracy.top1, b.accuracy.top1);
}

TEST(LinearSgd, PassesFewImagesMoreOften) {
  const Data d;
  LinearSgdConfig config = small_config();
  config.batch = 256;  // more than there are: one step an epoch
  config.min_steps = 50;
  const LinearSgdResult result = linear_sgd(d.views, d.probe, config, 5);
  EXPECT_EQ(result.batch, 90);
  EXPECT_EQ(result.epochs, 50);
  config.all_folds_up_to = 89;
  EXPECT_EQ(linear_sgd(d.views, d.probe, config, 5).parts, 1);
}

TEST(LinearSgd, TakesTheFirstSettingWhereNothingCanBeHeldOut) {
  Data d;
  d.probe.positions = at::tensor({7}, at::kLong);
  d.probe.train = d.all.index_select(0, d.probe.positions);
  d.probe.train_label = d.all_label.index_select(0, d.probe.positions);
  const LinearSgdResult result = linear_sgd(d.views, d.probe, small_config(), 5);
  EXPECT_EQ(result.parts, 0);
  EXPECT_EQ(result.chosen, 0u);
  EXPECT_TRUE(result.held_out.empty());
}

/// The largest tensor that is made while it watches.
class LargestTensor : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    bytes_ = std::max(bytes_, bytes);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
};

TEST(LinearSgd, NeverScoresAllImagesByAllSettingsAtOnce) {
  constexpr int64_t kMany = 100;
  const at::Tensor label = at::arange(6000, at::kLong).remainder(kMany);
  const at::Tensor rows = synthetic::clouds(label, kMany, 4, 1.0, 2).to(at::kFloat);
  const ProbeData data{at::arange(6000, at::kLong), rows, label, rows, label, kMany};
  LinearSgdConfig config;
  config.epochs = 1;
  config.min_steps = 0;
  config.learning_rate = std::vector<double>(32, 0.1);
  config.folds = 2;
  config.all_folds_up_to = 0;
  const auto largest = std::make_shared<LargestTensor>();
  const c10::DebugInfoGuard watch(c10::DebugInfoKind::PROFILER_STATE, largest);
  linear_sgd(fixed_features(rows), data, config, 5);
  // At once: 3000 x 32 x 100 floats held out, twice as many on the test set. A block: 16 MiB.
  EXPECT_GT(largest->bytes(), int64_t{1} << 20);
  EXPECT_LE(largest->bytes(), int64_t{17} << 20);
}

TEST(LinearSgd, RefusesAnEmptySweep) {
  const Data d;
  LinearSgdConfig config = small_config();
  config.learning_rate.clear();
  try {
    linear_sgd(d.views, d.probe, config, 5);
    FAIL() << "expected ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "evaluate.linear_sgd.learning_rate: expected at least one value, found none");
  }
}

}  // namespace
}  // namespace nearfar
