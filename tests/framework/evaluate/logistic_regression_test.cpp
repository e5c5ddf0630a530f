// The probe's loss, gradient and optimum against naive double code and closed forms.
#include "framework/evaluate/logistic_regression.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

/// (1/N) sum cross entropy + (l2/2) sum weight^2 by plain loops.
double naive_loss(const at::Tensor& features, const at::Tensor& label, int64_t classes, double l2,
                  const at::Tensor& parameters) {
  const int64_t n = features.size(0), d = features.size(1);
  const double* x = features.data_ptr<double>();
  const double* w = parameters.data_ptr<double>();
  double loss = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    std::vector<double> logit(classes);
    double sum = 0.0;
    for (int64_t c = 0; c < classes; ++c) {
      logit[c] = w[classes * d + c];
      for (int64_t j = 0; j < d; ++j) logit[c] += w[c * d + j] * x[i * d + j];
      sum += std::exp(logit[c]);
    }
    loss += std::log(sum) - logit[label.data_ptr<int64_t>()[i]];
  }
  double squares = 0.0;
  for (int64_t i = 0; i < classes * d; ++i) squares += w[i] * w[i];
  return loss / static_cast<double>(n) + 0.5 * l2 * squares;
}

// 9,000 rows are three blocks of 4,096 at most.
struct Problem {
  int64_t classes = 4;
  at::Tensor label;
  at::Tensor features;
  explicit Problem(int64_t rows = 9000, int64_t width = 5) {
    label = synthetic::labels(rows, classes, 1);
    features = synthetic::clouds(label, classes, width, 0.7, 2);
  }
};

TEST(LogisticLoss, EqualsTheNaiveSumAndItsDifferences) {
  const Problem p;
  const at::Tensor parameters = synthetic::normal({p.classes * 6}, 3) * 0.5;
  at::Tensor gradient = at::empty_like(parameters);
  const double loss = logistic_loss(p.features, p.label, p.classes, 0.3, parameters, gradient);
  EXPECT_NEAR(loss, naive_loss(p.features, p.label, p.classes, 0.3, parameters), 1e-12);
  // Central differences at 1e-5: truncation about 1e-10, cancellation about 1e-16 / 1e-5.
  for (int64_t i = 0; i < parameters.numel(); ++i) {
    at::Tensor above = parameters.clone(), below = parameters.clone();
    above[i] += 1e-5;
    below[i] -= 1e-5;
    const double difference = (naive_loss(p.features, p.label, p.classes, 0.3, above) -
                               naive_loss(p.features, p.label, p.classes, 0.3, below)) /
                              2e-5;
    EXPECT_NEAR(gradient[i].item<double>(), difference, 2e-9) << i;
  }
}

TEST(LogisticLoss, SurvivesHugeLogits) {
  const Problem p(300);
  const at::Tensor parameters = synthetic::normal({p.classes * 6}, 3) * 1e4;
  at::Tensor gradient = at::empty_like(parameters);
  EXPECT_TRUE(
      std::isfinite(logistic_loss(p.features, p.label, p.classes, 0.0, parameters, gradient)));
  EXPECT_TRUE(at::isfinite(gradient).all().item<bool>());
}

TEST(LogisticLoss, HasTheSameBitsForEveryNumberOfThreads) {
  const Problem p(50000, 3);
  const at::Tensor features = p.features.to(at::kFloat);
  const at::Tensor parameters = synthetic::normal({p.classes * 4}, 3);
  const int threads = at::get_num_threads();
  std::vector<double> losses;
  std::vector<at::Tensor> gradients;
  for (const int count : {1, 2, 3}) {
    at::set_num_threads(count);
    gradients.push_back(at::empty_like(parameters));
    losses.push_back(
        logistic_loss(features, p.label, p.classes, 0.1, parameters, gradients.back()));
  }
  at::set_num_threads(threads);
  EXPECT_EQ(losses[0], losses[1]);
  EXPECT_EQ(losses[0], losses[2]);
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
  EXPECT_TRUE(at::equal(gradients[0], gradients[2]));
}

TEST(LogisticRegression, IsAMinimum) {
  const Problem p(400);
  const double l2 = 0.01;
  const auto model = fit_logistic_regression(p.features, p.label, p.classes, {l2, 1e-11, 500});
  EXPECT_TRUE(model.converged);
  const at::Tensor best = at::cat({model.weight.reshape(-1), model.bias});
  EXPECT_NEAR(model.loss, naive_loss(p.features, p.label, p.classes, l2, best), 1e-12);
  EXPECT_NEAR(model.loss,
              model.cross_entropy + 0.5 * l2 * model.weight.square().sum().item<double>(), 1e-12);
  EXPECT_NEAR(model.bias.sum().item<double>(), 0.0, 1e-12);
  // Convexity: every point is above the minimum.
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const at::Tensor other = best + synthetic::normal({best.numel()}, seed + 50) * 1e-3;
    EXPECT_GT(naive_loss(p.features, p.label, p.classes, l2, other), model.loss);
  }
  // At the optimum l2 * weight = (1/N) sum (indicator - probability) x, by the gradient.
  const at::Tensor probability = logits(model, p.features).softmax(1);
  const at::Tensor indicator = at::one_hot(p.label, p.classes).to(at::kDouble);
  const at::Tensor pull = (indicator - probability).t().mm(p.features) / 400.0;
  EXPECT_TRUE(at::allclose(model.weight * l2, pull, 0.0, 2e-11));
}

TEST(LogisticRegression, WithoutInformationPredictsClassFrequencies) {
  const at::Tensor label = at::tensor({0, 0, 0, 0, 0, 1, 1, 2}, at::kLong);
  const at::Tensor features = at::zeros({8, 2}, at::kDouble);
  const auto model = fit_logistic_regression(features, label, 3, {0.1, 1e-12, 200});
  at::Tensor expected = at::tensor({5.0, 2.0, 1.0}, at::kDouble).log();
  expected -= expected.mean();
  EXPECT_TRUE(at::allclose(model.bias, expected, 0.0, 1e-10));
  EXPECT_EQ(model.weight.abs().max().item<double>(), 0.0);
}

TEST(LogisticRegression, FloatReachesItsToleranceAndTheSameOptimum) {
  const Problem p(5000, 20);
  const auto exact = fit_logistic_regression(p.features, p.label, p.classes, {1e-3, 1e-11, 500});
  const auto rough =
      fit_logistic_regression(p.features.to(at::kFloat), p.label, p.classes, {1e-3, 1e-6, 500});
  EXPECT_TRUE(rough.converged) << rough.gradient_norm;
  // The curvature is at least l2, so a gradient of 1e-6 is within 1e-6 / 1e-3 of the optimum.
  EXPECT_TRUE(at::allclose(rough.weight.to(at::kDouble), exact.weight, 0.0, 2e-3));
  EXPECT_NEAR(rough.loss, exact.loss, 1e-6);
}

TEST(LogisticRegression, AnotherStartHasTheSameEnd) {
  const Problem p(500);
  const LogisticRegressionOptions options{0.02, 1e-11, 500};
  const auto cold = fit_logistic_regression(p.features, p.label, p.classes, options);
  const auto near = fit_logistic_regression(p.features, p.label, p.classes, {0.05, 1e-6, 500});
  const auto warm = fit_logistic_regression(p.features, p.label, p.classes, options, &near);
  EXPECT_TRUE(at::allclose(cold.weight, warm.weight, 0.0, 1e-8));
  EXPECT_LT(warm.iterations, cold.iterations);
  const auto done = fit_logistic_regression(p.features, p.label, p.classes, options, &cold);
  EXPECT_LE(done.iterations, 1);
}

TEST(LogisticRegression, RefusesWhatDoesNotFit) {
  const Problem p(20);
  EXPECT_THROW(fit_logistic_regression(p.features, p.label, 3, {}), c10::Error);
  EXPECT_THROW(fit_logistic_regression(p.features, p.label.narrow(0, 0, 19), 4, {}), c10::Error);
  EXPECT_THROW(fit_logistic_regression(p.features.to(at::kInt), p.label, 4, {}), c10::Error);
}

}  // namespace
}  // namespace nearfar
