// Clustering scores against sums over images and permutations, closed forms, resampling.
#include "framework/evaluate/clustering_score.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "framework/evaluate/scores.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

at::Tensor tensor(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

/// Mutual information as a mean over images, shares counted anew for each.
double naive_information(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  const auto n = static_cast<double>(a.size());
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    double in_a = 0.0, in_b = 0.0, in_both = 0.0;
    for (size_t j = 0; j < a.size(); ++j) {
      in_a += a[j] == a[i];
      in_b += b[j] == b[i];
      in_both += a[j] == a[i] && b[j] == b[i];
    }
    sum += std::log(in_both * n / (in_a * in_b)) / n;
  }
  return sum;
}

TEST(ClusteringScores, ExpectTheMeanOverAllPermutations) {
  const std::vector<int64_t> label{0, 0, 0, 1, 1, 2, 2};
  const std::vector<int64_t> cluster{0, 1, 1, 1, 2, 2, 2};
  std::vector<size_t> order(label.size());
  std::iota(order.begin(), order.end(), size_t{0});
  double sum = 0.0;
  double count = 0.0;
  do {
    std::vector<int64_t> shuffled;
    for (const size_t i : order) shuffled.push_back(cluster[i]);
    sum += naive_information(label, shuffled);
    count += 1.0;
  } while (std::next_permutation(order.begin(), order.end()));
  const ClusteringScores scores = clustering_scores(tensor(label), tensor(cluster));
  EXPECT_NEAR(scores.expected_information, sum / count, 1e-12);  // 5,040 sums of seven
  EXPECT_NEAR(scores.mutual_information, naive_information(label, cluster), 1e-14);
  const double h_label = -(3.0 / 7.0 * std::log(3.0 / 7.0) + 4.0 / 7.0 * std::log(2.0 / 7.0));
  const double h_cluster = -(1.0 / 7.0 * std::log(1.0 / 7.0) + 6.0 / 7.0 * std::log(3.0 / 7.0));
  const double mean = 0.5 * (h_label + h_cluster);
  EXPECT_NEAR(scores.nmi, scores.mutual_information / mean, 1e-14);
  EXPECT_NEAR(scores.nmi_sqrt, scores.mutual_information / std::sqrt(h_label * h_cluster), 1e-14);
  EXPECT_NEAR(scores.ami, (scores.mutual_information - sum / count) / (mean - sum / count), 1e-12);
}

TEST(ClusteringScores, AreOneForEqualPartitionsWhateverTheirNames) {
  const at::Tensor label = synthetic::labels(200, 7, 1);
  for (const at::Tensor& cluster : {label, 1000 - 3 * label}) {
    const ClusteringScores scores = clustering_scores(label, cluster);
    EXPECT_EQ(scores.nmi, 1.0);
    EXPECT_EQ(scores.nmi_sqrt, 1.0);
    EXPECT_EQ(scores.ami, 1.0);
    EXPECT_EQ(scores.ami_error, 0.0);
    EXPECT_NEAR(scores.mutual_information, scores.label_entropy, 1e-14);
  }
  const at::Tensor alone = at::arange(9, at::kLong);
  EXPECT_EQ(clustering_scores(alone, alone).ami, 1.0);
  EXPECT_EQ(clustering_scores(at::zeros({9}, at::kLong), at::zeros({9}, at::kLong)).ami, 1.0);
}

TEST(ClusteringScores, AreZeroForASingleClusterAndNearlyForChance) {
  const at::Tensor label = synthetic::labels(3000, 10, 1);
  const ClusteringScores single = clustering_scores(label, at::zeros({3000}, at::kLong));
  EXPECT_EQ(single.ami, 0.0);
  EXPECT_EQ(single.nmi, 0.0);
  const at::Tensor many = synthetic::labels(3000, 500, 2);
  const ClusteringScores chance = clustering_scores(label, many);
  EXPECT_GT(chance.nmi, 0.15);  // unadjusted, many clusters look like knowledge
  EXPECT_NEAR(chance.ami, 0.0, 0.02);
}

TEST(ClusteringScores, AreSymmetricAndDoNotDependOnTheOrder) {
  const at::Tensor label = synthetic::labels(100, 5, 1);
  const at::Tensor cluster = (label + synthetic::labels(100, 2, 2)).remainder(5);
  const at::Tensor order = at::arange(100, at::kLong).mul(37).remainder(100);
  const double ami = clustering_scores(label, cluster).ami;
  EXPECT_NEAR(clustering_scores(cluster, label).ami, ami, 1e-13);
  EXPECT_NEAR(clustering_scores(label.index_select(0, order), cluster.index_select(0, order)).ami,
              ami, 1e-13);
}

// 400 samples of 1,000 images from one population: their deviation is known to 3.5 % (one
// standard deviation), and the formula leaves out terms of order 1 / N.
TEST(ClusteringScores, KnowTheirDeviationOverSamples) {
  std::vector<double> seen;
  std::vector<double> told;
  for (uint64_t sample = 0; sample < 400; ++sample) {
    const at::Tensor label = synthetic::labels(1000, 6, 2 * sample);
    const at::Tensor wrong = synthetic::labels(1000, 12, 2 * sample + 1);
    const ClusteringScores scores = clustering_scores(label, at::where(wrong < 6, wrong, label));
    seen.push_back(scores.ami);
    told.push_back(scores.ami_error);
  }
  EXPECT_NEAR(mean_and_spread(told).mean / mean_and_spread(seen).spread, 1.0, 0.15);
}

TEST(ClusteringScores, RefuseWhatDoesNotPair) {
  const at::Tensor three = at::arange(3, at::kLong);
  EXPECT_THROW(clustering_scores(three, at::arange(2, at::kLong)), c10::Error);
  EXPECT_THROW(clustering_scores(three, at::ones({3}, at::kDouble)), c10::Error);
  EXPECT_THROW(clustering_scores(at::empty({0}, at::kLong), at::empty({0}, at::kLong)), c10::Error);
}

}  // namespace
}  // namespace nearfar
