// The linear protocol: standardisation, the path of L2 strengths, and a choice that is blind to the
// test set.
#include "framework/evaluate/linear_probe.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/logistic_regression.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

struct Data {
  int64_t classes = 3;
  at::Tensor train_label = synthetic::labels(240, 3, 1);
  at::Tensor train = synthetic::clouds(train_label, 3, 12, 0.5, 2).to(at::kFloat);
  at::Tensor test_label = synthetic::labels(300, 3, 3);
  at::Tensor test = synthetic::clouds(test_label, 3, 12, 0.5, 4).to(at::kFloat);
};

TEST(Standardizer, GivesMeanZeroAndDeviationOne) {
  at::Tensor features = synthetic::normal({500, 3}, 1) * at::tensor({1e-3, 1.0, 1e3}, at::kDouble) +
                        at::tensor({5.0, 0.0, -7.0}, at::kDouble);
  features.select(1, 1).fill_(0.3);
  const at::Tensor result = standardize(standardizer(features), features);
  EXPECT_LT(result.mean(0).abs().max().item<double>(), 1e-10);
  EXPECT_NEAR(result.select(1, 0).square().mean().item<double>(), 1.0, 1e-10);
  EXPECT_NEAR(result.select(1, 2).square().mean().item<double>(), 1.0, 1e-10);
  // A constant column is centred and otherwise left alone.
  EXPECT_EQ(standardizer(features).scale[1].item<double>(), 1.0);
}

TEST(L2Grid, IsEquallySpacedInTheLogarithm) {
  LinearProbeConfig config;
  config.l2_strongest = 10.0;
  config.l2_weakest = 1e-2;
  config.steps_per_decade = 2;
  const std::vector<double> grid = l2_grid(config);
  ASSERT_EQ(grid.size(), 7u);
  for (size_t i = 0; i < grid.size(); ++i) {
    EXPECT_NEAR(grid[i], 10.0 * std::pow(10.0, -0.5 * static_cast<double>(i)), 1e-12);
  }
  config.l2_weakest = 10.0;
  EXPECT_EQ(l2_grid(config), std::vector<double>{10.0});
  config.l2_weakest = 20.0;
  EXPECT_THROW(l2_grid(config), c10::Error);
}

TEST(LinearProbe, IsTheProtocolStepByStep) {
  const Data d;
  LinearProbeConfig config;
  config.tolerance = config.search_tolerance = 1e-6;
  config.search_iterations = config.max_iterations;
  config.l2_weakest = 1e-3;
  config.patience = 100;
  const auto result =
      linear_probe(d.train, d.train_label, d.test, d.test_label, d.classes, config, 7);
  // The same by cold fits: 5 folds, since 240 images are few.
  ASSERT_EQ(result.parts, 5);
  ASSERT_EQ(result.tried, l2_grid(config));
  for (size_t i = 0; i < result.tried.size(); i += 2) {
    int64_t right = 0;
    for (const HeldOut& fold : stratified_folds(d.train_label, d.classes, 5, 7)) {
      const at::Tensor fit = d.train.index_select(0, fold.fit);
      const at::Tensor mean = fit.mean(0), scale = fit.std(0, /*unbiased=*/false);
      const auto model =
          fit_logistic_regression((fit - mean) / scale, d.train_label.index_select(0, fold.fit),
                                  d.classes, {result.tried[i], 1e-6, 1000});
      const at::Tensor guess =
          logits(model, (d.train.index_select(0, fold.held_out) - mean) / scale).argmax(1);
      right += (guess == d.train_label.index_select(0, fold.held_out)).sum().item<int64_t>();
    }
    // One image may change sides within the tolerance of the fits.
    EXPECT_NEAR(result.held_out[i], static_cast<double>(right) / 240.0, 1.01 / 240.0) << i;
  }
  const auto best = std::max_element(result.held_out.begin(), result.held_out.end());
  EXPECT_EQ(result.l2, result.tried[best - result.held_out.begin()]);
  EXPECT_TRUE(result.converged);
  EXPECT_LE(result.gradient_norm, 1e-6);
}

TEST(LinearProbe, NeverSeesTheTestLabels) {
  const Data d;
  const at::Tensor other = (d.test_label + 1).remainder(3);
  const auto a = linear_probe(d.train, d.train_label, d.test, d.test_label, 3, {}, 7);
  const auto b = linear_probe(d.train, d.train_label, d.test * -1.0, other, 3, {}, 7);
  EXPECT_EQ(a.l2, b.l2);
  EXPECT_EQ(a.held_out, b.held_out);
  EXPECT_EQ(a.gradient_norm, b.gradient_norm);
  EXPECT_NE(a.accuracy.top1, b.accuracy.top1);
}

TEST(LinearProbe, EqualStrengthsGoToTheStronger) {
  // Clouds so far apart that every strength separates them.
  const at::Tensor label = synthetic::labels(200, 3, 1);
  const at::Tensor features = synthetic::clouds(label, 3, 6, 40.0, 2);
  LinearProbeConfig config;
  config.l2_strongest = 1e-2;
  const auto result = linear_probe(features, label, features, label, 3, config, 1);
  EXPECT_EQ(result.l2, 1e-2);
  EXPECT_EQ(result.accuracy.top1, 1.0);
  // Patience: the strengths after the first gain nothing.
  EXPECT_EQ(static_cast<int64_t>(result.tried.size()), 1 + config.patience);
}

TEST(LinearProbe, HoldsOneFifthOutOfALargeSubset) {
  const Data d;
  LinearProbeConfig config;
  config.all_folds_up_to = 239;
  EXPECT_EQ(linear_probe(d.train, d.train_label, d.test, d.test_label, 3, config, 1).parts, 1);
  config.all_folds_up_to = 240;
  EXPECT_EQ(linear_probe(d.train, d.train_label, d.test, d.test_label, 3, config, 1).parts, 5);
}

TEST(LinearProbe, WorksWithOneImageOfAClass) {
  const at::Tensor label = at::tensor({0, 1, 2}, at::kLong);
  const at::Tensor features = at::eye(3, at::kFloat);
  const auto result = linear_probe(features, label, features, label, 3, {}, 1);
  EXPECT_EQ(result.accuracy.top1, 1.0);
  EXPECT_EQ(result.parts, 3);
}

}  // namespace
}  // namespace nearfar
