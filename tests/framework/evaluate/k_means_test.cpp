// k-means against naive iterations in double, planted clusters, empty clusters, draws of starts.
#include "framework/evaluate/k_means.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

#include "framework/evaluate/cosines.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

struct Naive {
  std::vector<int64_t> assignment;
  double inertia = 0.0;
};

/// Lloyd's iterations one distance at a time, until nothing changes; no cluster may empty.
Naive naive_lloyd(const at::Tensor& rows, at::Tensor centers) {
  Naive result;
  std::vector<int64_t> before;
  do {
    before = result.assignment;
    result = {};
    for (int64_t i = 0; i < rows.size(0); ++i) {
      int64_t nearest = 0;
      double least = std::numeric_limits<double>::infinity();
      for (int64_t c = 0; c < centers.size(0); ++c) {
        const double distance = (rows[i] - centers[c]).pow(2).sum().item<double>();
        if (distance >= least) continue;
        least = distance;
        nearest = c;
      }
      result.assignment.push_back(nearest);
      result.inertia += least;
    }
    const at::Tensor own = at::tensor(result.assignment, at::kLong);
    at::Tensor means = at::empty_like(centers);
    for (int64_t c = 0; c < centers.size(0); ++c) {
      means[c].copy_(rows.index_select(0, (own == c).nonzero().view(-1)).mean(0));
    }
    centers = means;
  } while (result.assignment != before);
  return result;
}

TEST(KMeans, EqualsNaiveIterations) {
  const at::Tensor rows = synthetic::normal({60, 3}, 1);
  const at::Tensor start = rows.narrow(0, 0, 4).clone();
  const Naive expected = naive_lloyd(rows, start);
  const KMeans result = lloyd(rows, start, {});
  EXPECT_TRUE(result.assignment.equal(at::tensor(expected.assignment, at::kLong)));
  EXPECT_NEAR(result.inertia, expected.inertia, 1e-10);
  EXPECT_TRUE(result.converged);
  EXPECT_GT(result.iterations, 2);
}

TEST(KMeans, FindsPlantedClustersFromSeededStarts) {
  const at::Tensor label = at::arange(300, at::kLong).remainder(6);
  const at::Tensor rows = synthetic::clouds(label, 6, 8, 10.0, 1);
  for (const bool spherical : {false, true}) {
    KMeansOptions options;
    options.spherical = spherical;
    const KMeans result = k_means(spherical ? unit_rows(rows) : rows, 6, 3, 7, options);
    // Each class is one cluster: as many pairs of (class, cluster) as classes.
    EXPECT_EQ(std::get<0>(at::_unique(label * 6 + result.assignment)).size(0), 6) << spherical;
    EXPECT_EQ(std::get<0>(at::_unique(result.assignment)).size(0), 6);
  }
}

TEST(KMeans, TakesTheBestOfItsRestartsAndTheSameForTheSameSeed) {
  const at::Tensor rows = synthetic::normal({200, 4}, 3);
  const KMeans one = k_means(rows, 8, 1, 5, {});
  const KMeans ten = k_means(rows, 8, 10, 5, {});
  EXPECT_LT(ten.inertia, one.inertia);
  EXPECT_TRUE(k_means(rows, 8, 10, 5, {}).assignment.equal(ten.assignment));
  EXPECT_FALSE(k_means(rows, 8, 1, 6, {}).assignment.equal(one.assignment));
}

TEST(KMeans, InertiaOnlyFalls) {
  const at::Tensor rows = synthetic::normal({500, 5}, 2);
  const at::Tensor start = rows.narrow(0, 0, 10).clone();
  double before = std::numeric_limits<double>::infinity();
  for (int64_t limit = 1; limit < 12; ++limit) {
    KMeansOptions options;
    options.max_iterations = limit;
    const KMeans result = lloyd(rows, start, options);
    EXPECT_EQ(result.iterations, limit);
    EXPECT_LE(result.inertia, before * (1.0 + 1e-12));
    before = result.inertia;
  }
}

TEST(KMeans, StartsAnEmptyClusterAtTheFarthestRow) {
  const at::Tensor rows =
      at::tensor({0.0, 1.0, 2.0, 100.0, 101.0, 500.0}, at::kDouble).unsqueeze(1);
  // The third centre is nobody's: it moves to 500, and from there nothing changes.
  const at::Tensor start = at::tensor({0.0, 100.0, -900.0}, at::kDouble).unsqueeze(1);
  const KMeans result = lloyd(rows, start, {});
  EXPECT_TRUE(result.assignment.equal(at::tensor({0, 0, 0, 1, 1, 2}, at::kLong)));
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(result.inertia, 2.0 + 0.5, 1e-12);
}

TEST(KMeans, EndsWhereFewerRowsDifferThanThereAreClusters) {
  const at::Tensor rows = at::ones({5, 2}, at::kDouble);
  const KMeans result = k_means(rows, 3, 2, 1, {});
  EXPECT_TRUE(result.converged);
  EXPECT_EQ(result.inertia, 0.0);
}

// A row drawn first leaves chances by squared distance: 1, 4 and 9 of 14 from row 0 at 0.
TEST(KMeansPlusPlus, DrawsBySquaredDistance) {
  const at::Tensor rows = at::tensor({0.0, 1.0, 2.0, 3.0}, at::kDouble).unsqueeze(1);
  int64_t first[4] = {};
  int64_t second[4] = {};
  int64_t from_zero = 0;
  const int64_t trials = 4000;
  for (int64_t seed = 0; seed < trials; ++seed) {
    const at::Tensor chosen = k_means_plus_plus(rows, 2, static_cast<uint64_t>(seed));
    const auto at_first = static_cast<int64_t>(chosen[0].item<double>());
    ++first[at_first];
    if (at_first != 0) continue;
    ++from_zero;
    ++second[static_cast<int64_t>(chosen[1].item<double>())];
  }
  // Five standard deviations: a right sampler fails once in a million seeds.
  for (const int64_t count : first) EXPECT_NEAR(count, 1000, 5.0 * std::sqrt(750.0));
  EXPECT_EQ(second[0], 0);
  for (int64_t row = 1; row < 4; ++row) {
    const double chance = static_cast<double>(row * row) / 14.0;
    const auto n = static_cast<double>(from_zero);
    EXPECT_NEAR(second[row], n * chance, 5.0 * std::sqrt(n * chance * (1.0 - chance)));
  }
}

TEST(KMeans, RefusesWhatItCannotCluster) {
  const at::Tensor rows = synthetic::normal({5, 2}, 1);
  EXPECT_THROW(k_means(rows, 6, 1, 0, {}), c10::Error);
  EXPECT_THROW(k_means(rows, 0, 1, 0, {}), c10::Error);
  EXPECT_THROW(k_means(rows, 2, 0, 0, {}), c10::Error);
  EXPECT_THROW(k_means(rows / 0.0, 2, 1, 0, {}), c10::Error);
  EXPECT_THROW(lloyd(rows, at::ones({2, 2}, at::kFloat), {}), c10::Error);
}

}  // namespace
}  // namespace nearfar
