// Labels that say nothing: every judge reports chance, and one that chooses its settings on the
// test set does not.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "framework/evaluate/knn_protocol.h"
#include "framework/evaluate/linear_probe.h"
#include "framework/evaluate/linear_sgd.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

constexpr int64_t kTrain = 80;
constexpr int64_t kTest = 100;
constexpr int64_t kWidth = 40;
constexpr int64_t kClasses = 2;
constexpr uint64_t kRepeats = 30;

/// Features and labels that have nothing to do with each other, of one seed.
ProbeData meaningless(uint64_t seed) {
  ProbeData data;
  data.positions = at::arange(kTrain, at::kLong);
  data.train = synthetic::normal({kTrain, kWidth}, 4 * seed);
  data.train_label = synthetic::labels(kTrain, kClasses, 4 * seed + 1);
  data.test = synthetic::normal({kTest, kWidth}, 4 * seed + 2);
  data.test_label = synthetic::labels(kTest, kClasses, 4 * seed + 3);
  data.classes = kClasses;
  return data;
}

/// What a judge reports when `choose` takes its settings.
using Judge = std::function<Accuracy(const ProbeData& data, uint64_t seed, const Choose& choose)>;

double honest(const Judge& judge, const ProbeData& data, uint64_t seed) {
  return judge(data, seed, best_held_out).top1;
}

/// The mutant: of all settings the one that is best on the test set.
double peeking(const Judge& judge, const ProbeData& data, uint64_t seed) {
  size_t settings = 0;
  double best = judge(data, seed, [&](const std::vector<double>& held_out) {
                  settings = held_out.size();
                  return size_t{0};
                }).top1;
  for (size_t i = 1; i < settings; ++i) {
    best = std::max(best, judge(data, seed, [i](const std::vector<double>&) { return i; }).top1);
  }
  return best;
}

/// Correct guesses above chance, in standard deviations. Every test label is an independent coin,
/// so whatever a judge that has not seen them says, its hits over all repeats are binomial.
double deviation(const Judge& judge, double (*reported)(const Judge&, const ProbeData&, uint64_t)) {
  double hits = 0.0;
  for (uint64_t seed = 1; seed <= kRepeats; ++seed) {
    hits += reported(judge, meaningless(seed), seed) * kTest;
  }
  const double trials = static_cast<double>(kRepeats) * kTest, chance = 1.0 / kClasses;
  return (hits - trials * chance) / std::sqrt(trials * chance * (1.0 - chance));
}

/// 3.3 standard deviations: an honest judge leaves them once in a thousand choices of seeds.
void expect_honest_and_caught(const Judge& judge) {
  constexpr double kBound = 3.3;
  const double by_protocol = deviation(judge, honest), by_mutant = deviation(judge, peeking);
  testing::Test::RecordProperty("honest", std::to_string(by_protocol));
  testing::Test::RecordProperty("peeking", std::to_string(by_mutant));
  EXPECT_LT(std::abs(by_protocol), kBound);
  EXPECT_GT(by_mutant, kBound) << "the test would not see a judge that peeks";
}

TEST(MeaninglessLabels, ShowAPeekAtTheStrengthOfL2) {
  LinearProbeConfig config;
  config.l2_strongest = 1e2;
  config.l2_weakest = 1e-4;
  config.steps_per_decade = 1;
  config.patience = 100;
  config.all_folds_up_to = 0;
  expect_honest_and_caught([config](const ProbeData& d, uint64_t seed, const Choose& choose) {
    return linear_probe(d.train, d.train_label, d.test, d.test_label, kClasses, config, seed,
                        choose)
        .accuracy;
  });
}

TEST(MeaninglessLabels, ShowAPeekAtTheRateOfTheSgdProbe) {
  LinearSgdConfig config;
  config.epochs = 5;
  config.min_steps = 0;
  config.batch = 16;
  config.learning_rate = {0.01, 0.1, 1.0, 10.0, 100.0};
  config.weight_decay = {0.0, 0.03, 0.3};
  config.all_folds_up_to = 0;
  expect_honest_and_caught([config](const ProbeData& d, uint64_t seed, const Choose& choose) {
    return linear_sgd(fixed_features(d.train), d, config, seed, choose).accuracy;
  });
}

TEST(MeaninglessLabels, ShowAPeekAtNeighboursAndTemperature) {
  KnnConfig config;
  config.k = {1, 3, 7, 15, 31, 63};
  config.temperature = {0.05, 0.5};
  config.memory_mib = 8;
  expect_honest_and_caught([config](const ProbeData& d, uint64_t seed, const Choose& choose) {
    const KnnResult result =
        knn_protocol(d.train, d.train_label, d.test, d.test_label, kClasses, config, seed, choose);
    return result.test[result.chosen];
  });
}

}  // namespace
}  // namespace nearfar
