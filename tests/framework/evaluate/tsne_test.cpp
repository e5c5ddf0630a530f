// t-SNE against its definitions: perplexities, finite differences, clusters, preserved neighbours.
#include "framework/evaluate/tsne.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

double distance2(const at::Tensor& rows, int64_t i, int64_t j) {
  double sum = 0.0;
  for (int64_t c = 0; c < rows.size(1); ++c) {
    const double difference = rows[i][c].item<double>() - rows[j][c].item<double>();
    sum += difference * difference;
  }
  return sum;
}

/// KL(P || Q) in doubles, straight from equations 2 and 4 of the paper.
double naive_divergence(const at::Tensor& joint, const at::Tensor& map) {
  const int64_t count = map.size(0);
  double total = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < count; ++j) {
      if (i != j) total += 1.0 / (1.0 + distance2(map, i, j));
    }
  }
  double divergence = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < count; ++j) {
      if (i == j) continue;
      const double p = joint[i][j].item<double>();
      const double q = 1.0 / (1.0 + distance2(map, i, j)) / total;
      if (p > 0.0) divergence += p * std::log(p / q);
    }
  }
  return divergence;
}

/// Places of the other rows in the order of their distance from row i.
std::vector<int64_t> ranks_of(const at::Tensor& distances, int64_t i) {
  const int64_t count = distances.size(0);
  const double* row = distances.data_ptr<double>() + i * count;
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [row](int64_t a, int64_t b) { return row[a] < row[b]; });
  std::vector<int64_t> rank(order.size());
  for (size_t place = 0; place < order.size(); ++place) rank[order[place]] = place;
  return rank;  // the row itself has rank 0
}

/// Venna and Kaski 2001: 1 where the k nearest of the map are the k nearest of the rows.
double trustworthiness(const at::Tensor& rows, const at::Tensor& map, int64_t k) {
  const at::Tensor from = at::cdist(rows, rows).contiguous();
  const at::Tensor to = at::cdist(map, map).contiguous();
  const int64_t count = rows.size(0);
  double penalty = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t> true_rank = ranks_of(from, i);
    const std::vector<int64_t> map_rank = ranks_of(to, i);
    for (int64_t j = 0; j < count; ++j) {
      if (j != i && map_rank[j] <= k) penalty += std::max<int64_t>(0, true_rank[j] - k);
    }
  }
  const auto n = static_cast<double>(count);
  const auto neighbors = static_cast<double>(k);
  return 1.0 - 2.0 / (n * neighbors * (2.0 * n - 3.0 * neighbors - 1.0)) * penalty;
}

TEST(Tsne, ReachesThePerplexityOfEveryRow) {
  const at::Tensor label = synthetic::labels(200, 4, 1);
  const at::Tensor rows = synthetic::clouds(label, 4, 10, 3.0, 2);
  for (const double perplexity : {2.0, 30.0, 66.0}) {
    const at::Tensor probability = neighbor_probabilities(rows, perplexity);
    for (int64_t i = 0; i < 200; ++i) {
      double entropy = 0.0, sum = 0.0;
      for (int64_t j = 0; j < 200; ++j) {
        const double p = probability[i][j].item<double>();
        sum += p;
        if (p > 0.0) entropy -= p * std::log2(p);
      }
      ASSERT_NEAR(sum, 1.0, 1e-12);
      ASSERT_EQ(probability[i][i].item<double>(), 0.0);
      // 1e-5 is what the bisection promises; the sums above round at 1e-13.
      ASSERT_NEAR(std::exp2(entropy) / perplexity, 1.0, 1.001e-5) << "row " << i;
    }
  }
}

// The probabilities of one row must be Gaussian in the distance: log p is linear in it.
TEST(Tsne, ProbabilitiesAreGaussianInTheDistance) {
  const at::Tensor rows = synthetic::normal({30, 4}, 3);
  const at::Tensor probability = neighbor_probabilities(rows, 8.0);
  const auto log_p = [&](int64_t j) { return std::log(probability[0][j].item<double>()); };
  const double slope = (log_p(2) - log_p(1)) / (distance2(rows, 0, 2) - distance2(rows, 0, 1));
  EXPECT_LT(slope, 0.0);
  for (int64_t j = 3; j < 30; ++j) {
    EXPECT_NEAR(log_p(j), log_p(1) + slope * (distance2(rows, 0, j) - distance2(rows, 0, 1)), 1e-9);
  }
}

// Central differences of KL with a step of 1e-5 err by about 1e-10 here.
TEST(Tsne, GradientIsThatOfTheDivergence) {
  const at::Tensor joint = joint_probabilities(synthetic::normal({15, 5}, 4), 4.0);
  const at::Tensor map = synthetic::normal({15, 2}, 5);
  const TsneGradient found = tsne_gradient(joint, map);
  EXPECT_NEAR(found.divergence, naive_divergence(joint, map), 1e-12);
  for (int64_t i = 0; i < 15; ++i) {
    for (int64_t c = 0; c < 2; ++c) {
      at::Tensor moved = map.clone();
      moved[i][c] += 1e-5;
      const double above = naive_divergence(joint, moved);
      moved[i][c] -= 2e-5;
      const double slope = (above - naive_divergence(joint, moved)) / 2e-5;
      EXPECT_NEAR(found.gradient[i][c].item<double>(), slope, 1e-8);
    }
  }
}

TEST(Tsne, JointProbabilitiesAreSymmetricAndSumToOne) {
  const at::Tensor joint = joint_probabilities(synthetic::normal({40, 3}, 6), 10.0);
  EXPECT_TRUE(at::equal(joint, joint.t()));
  EXPECT_NEAR(joint.sum().item<double>(), 1.0, 1e-12);
}

// Ten well separated clouds in 20 dimensions: every point's nearest neighbours on the map are of
// its own cloud, and the neighbours are those of the rows far beyond what PCA's plane keeps.
TEST(Tsne, KeepsNeighboursAndSeparatesClusters) {
  const at::Tensor label = at::arange(300, at::kLong).remainder(10);
  const at::Tensor rows = synthetic::clouds(label, 10, 20, 4.0, 7);
  const at::Tensor map = tsne(rows);
  at::Tensor distances = at::cdist(map, map);
  distances.fill_diagonal_(1e30);
  const at::Tensor nearest = distances.argmin(1);
  EXPECT_TRUE(at::equal(label.index_select(0, nearest), label));
  EXPECT_GT(trustworthiness(rows, map, 10), 0.95);
  EXPECT_LT(map.mean(0).abs().max().item<double>(), 1e-9);
  const double before = tsne_gradient(joint_probabilities(rows, 30.0), map * 1e-4).divergence;
  EXPECT_LT(tsne_gradient(joint_probabilities(rows, 30.0), map).divergence, before * 0.4);
}

TEST(Tsne, IsTheSameEveryTimeAndTakesFewOrEqualRows) {
  const at::Tensor rows = synthetic::normal({60, 8}, 8).to(at::kFloat);
  EXPECT_TRUE(at::equal(tsne(rows), tsne(rows)));
  for (const int64_t count : {2, 3, 5}) {
    EXPECT_TRUE(tsne(rows.narrow(0, 0, count)).isfinite().all().item<bool>()) << count;
  }
  EXPECT_TRUE(tsne(at::ones({12, 3})).isfinite().all().item<bool>());
  EXPECT_THROW(tsne(rows.narrow(0, 0, 1)), c10::Error);
  EXPECT_THROW(tsne(rows / 0.0), c10::Error);
}

// The force sums do not depend on threads, so neither does the gradient.
TEST(Tsne, GradientHasTheSameBitsForEveryNumberOfThreads) {
  const at::Tensor joint = joint_probabilities(synthetic::normal({200, 5}, 9), 20.0);
  const at::Tensor map = synthetic::normal({200, 2}, 10);
  const int threads = at::get_num_threads();
  const at::Tensor before = tsne_gradient(joint, map).gradient;
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(before, tsne_gradient(joint, map).gradient)) << count;
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace nearfar
