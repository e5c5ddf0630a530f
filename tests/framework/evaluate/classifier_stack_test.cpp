// Classifiers trained at once: each one as if alone, by plain loops and at the known optimum.
#include "framework/evaluate/classifier_stack.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/evaluate/logistic_regression.h"
#include "tests/framework/evaluate/naive_sgd.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

struct Data {
  int64_t classes = 4;
  at::Tensor label = synthetic::labels(60, 4, 1);
  at::Tensor features = synthetic::clouds(label, 4, 7, 0.7, 2);
};

const std::vector<SgdSetting> kSettings = {{0.05, 0.0}, {0.4, 0.0}, {0.4, 0.03}, {1.5, 0.2}};

// Twelve steps over uneven batches. Sums of at most 60 products of order 1 in another order: a few
// 1e-16 each, grown by twelve steps: 1e-12.
TEST(ClassifierStack, IsPlainSgdForEachOfItsClassifiers) {
  const Data d;
  for (const bool nesterov : {false, true}) {
    ClassifierStack stack(kSettings, d.classes, 7, {0.9, nesterov}, d.features);
    std::vector<NaiveClassifier> naive;
    for (const SgdSetting& s : kSettings) {
      naive.emplace_back(d.classes, 7, s.learning_rate, s.weight_decay, 0.9, nesterov);
    }
    for (int64_t step = 0; step < 12; ++step) {
      const int64_t first = step * 5 % 40, count = 1 + step % 20;
      const double factor = 1.0 / static_cast<double>(step + 1);
      const at::Tensor x = d.features.narrow(0, first, count), y = d.label.narrow(0, first, count);
      stack.step(x, y, factor);
      for (NaiveClassifier& one : naive) one.step(x, y, factor);
    }
    for (size_t k = 0; k < naive.size(); ++k) {
      const auto index = static_cast<int64_t>(k);
      const at::Tensor weight = at::tensor(naive[k].weight, at::kDouble).view({4, 7});
      const at::Tensor bias = at::tensor(naive[k].bias, at::kDouble);
      EXPECT_LT((stack.weight()[index] - weight).abs().max().item<double>(), 1e-12) << k;
      EXPECT_LT((stack.bias()[index] - bias).abs().max().item<double>(), 1e-12) << k;
      const at::Tensor scores = at::addmm(bias, d.features, weight.t());
      EXPECT_LT((stack.scores(d.features)[index] - scores).abs().max().item<double>(), 1e-11) << k;
    }
  }
}

// Full batches without augmentation minimise what L-BFGS minimises. The slowest direction contracts
// by about 1 - sqrt(rate * l2) a step, which 3,000 steps take far below the tolerance.
TEST(ClassifierStack, ConvergesToTheOptimumOfLogisticRegression) {
  const Data d;
  const std::vector<SgdSetting> settings = {{0.3, 0.1}, {0.3, 0.02}};
  ClassifierStack stack(settings, d.classes, 7, {}, d.features);
  for (int64_t step = 0; step < 3000; ++step) stack.step(d.features, d.label, 1.0);
  for (int64_t k = 0; k < 2; ++k) {
    const auto optimum = fit_logistic_regression(d.features, d.label, d.classes,
                                                 {settings[k].weight_decay, 1e-12, 1000});
    ASSERT_TRUE(optimum.converged);
    EXPECT_LT((stack.weight()[k] - optimum.weight).abs().max().item<double>(), 1e-9) << k;
    // The optimum's bias has mean 0, and so has one that started at zero.
    EXPECT_LT((stack.bias()[k] - optimum.bias).abs().max().item<double>(), 1e-9) << k;
  }
}

TEST(ClassifierStack, OneThatOverflowsLeavesTheOthersAlone) {
  const Data d;
  const at::Tensor x = d.features.to(at::kFloat);
  ClassifierStack with({{0.1, 0.0}, {1e38, 0.0}, {0.2, 0.0}}, d.classes, 7, {}, x);
  ClassifierStack without({{0.1, 0.0}, {0.2, 0.0}}, d.classes, 7, {}, x);
  for (int step = 0; step < 10; ++step) {
    with.step(x, d.label, 1.0);
    without.step(x, d.label, 1.0);
  }
  EXPECT_FALSE(with.weight()[1].isfinite().all().item<bool>());
  // 1e-5: matrix products of another width may sum in another order.
  EXPECT_TRUE(at::allclose(with.weight()[0], without.weight()[0], 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(with.weight()[2], without.weight()[1], 1e-5, 1e-6));
}

}  // namespace
}  // namespace nearfar
