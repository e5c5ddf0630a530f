// Neighbours and votes against sorting in double; limits of memory; ties.
#include "framework/evaluate/nearest_neighbors.h"

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

std::vector<int64_t> naive_order(const at::Tensor& train, const at::Tensor& query,
                                 std::vector<double>& cosine) {
  const int64_t n = train.size(0), d = train.size(1);
  cosine.assign(n, 0.0);
  for (int64_t i = 0; i < n; ++i) {
    const double* a = train.data_ptr<double>() + i * d;
    const double* b = query.data_ptr<double>();
    double dot = 0.0, aa = 0.0, bb = 0.0;
    for (int64_t j = 0; j < d; ++j) {
      dot += a[j] * b[j];
      aa += a[j] * a[j];
      bb += b[j] * b[j];
    }
    cosine[i] = dot / std::sqrt(aa * bb);
  }
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return cosine[a] > cosine[b]; });
  return order;
}

// 5,000 rows are three tiles of 2,048, 300 queries three of 128; k = 700 cuts its list back.
TEST(NearestNeighbors, AreThoseOfASort) {
  const at::Tensor train = synthetic::normal({5000, 7}, 1);
  const at::Tensor test = synthetic::normal({300, 7}, 2) * 3.0;
  for (const int64_t k : {1, 20, 700}) {
    const Neighbors found = nearest_neighbors(train, test, k);
    ASSERT_EQ(found.index.sizes(), (std::vector<int64_t>{300, k}));
    for (int64_t q = 0; q < 300; q += 13) {
      std::vector<double> cosine;
      const std::vector<int64_t> order = naive_order(train, test[q].contiguous(), cosine);
      for (int64_t i = 0; i < k; ++i) {
        ASSERT_EQ(found.index[q][i].item<int64_t>(), order[i]) << "query " << q << ", place " << i;
        ASSERT_NEAR(found.similarity[q][i].item<double>(), cosine[order[i]], 1e-13);
      }
    }
  }
}

TEST(NearestNeighbors, HaveTheSameBitsForEveryMemoryAndNumberOfThreads) {
  const at::Tensor train = synthetic::normal({4500, 33}, 3).to(at::kFloat);
  const at::Tensor test = synthetic::normal({700, 33}, 4).to(at::kFloat);
  const SearchSize size{4500, 700, 33, 50, 4};
  const Neighbors roomy = nearest_neighbors(train, test, 50);
  const Neighbors tight = nearest_neighbors(train, test, 50, search_bytes(size, 1));
  EXPECT_TRUE(at::equal(roomy.index, tight.index));
  EXPECT_TRUE(at::equal(roomy.similarity, tight.similarity));
  const int threads = at::get_num_threads();
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    const Neighbors found = nearest_neighbors(train, test, 50);
    EXPECT_TRUE(at::equal(roomy.index, found.index));
    EXPECT_TRUE(at::equal(roomy.similarity, found.similarity));
  }
  at::set_num_threads(threads);
}

TEST(NearestNeighbors, MemoryStaysWithinItsBound) {
  const SearchSize imagenet{1281167, 50000, 2048, 200, 4};
  for (const int64_t limit : {int64_t{64} << 20, int64_t{256} << 20, int64_t{1} << 30}) {
    const int64_t workers = search_workers(imagenet, 1000, limit);
    EXPECT_GE(workers, 1);
    EXPECT_LE(search_bytes(imagenet, workers), limit);
    EXPECT_GT(search_bytes(imagenet, workers + 1), limit);
  }
  EXPECT_EQ(search_workers(imagenet, 2, int64_t{1} << 40), 2);
  EXPECT_EQ(search_workers({1000, 129, 8, 5, 4}, 16, int64_t{1} << 40), 2);
  // One tile of products, its queries, the lists and the norms of both sides.
  EXPECT_EQ(search_bytes({10, 6, 3, 100, 4}, 1),
            128 * 2048 * 4 + 128 * 3 * 4 + 128 * 200 * 16 + 2 * 16 * 4);
  EXPECT_THROW(search_workers(imagenet, 1, 1 << 20), c10::Error);
}

TEST(NearestNeighbors, EqualOnesRankByIndex) {
  // Axis vectors: every cosine is exactly 0 or 1, in whatever order the products are summed.
  at::Tensor train = at::zeros({3000, 4}, at::kFloat);
  for (int64_t i = 0; i < 3000; ++i) train[i][i % 4] = 1.0f + static_cast<float>(i % 3);
  const Neighbors found = nearest_neighbors(train, at::eye(4, at::kFloat), 400);
  for (int64_t q = 0; q < 4; ++q) {
    for (int64_t i = 0; i < 400; ++i) ASSERT_EQ(found.index[q][i].item<int64_t>(), q + 4 * i);
  }
}

TEST(NearestNeighbors, ARotationLeavesThemAsTheyAre) {
  const at::Tensor train = synthetic::normal({600, 9}, 5);
  const at::Tensor test = synthetic::normal({50, 9}, 6);
  const at::Tensor rotation = std::get<0>(at::linalg_qr(synthetic::normal({9, 9}, 7)));
  const Neighbors before = nearest_neighbors(train, test, 30);
  const Neighbors after = nearest_neighbors(train.mm(rotation) * 0.01, test.mm(rotation) * 7.0, 30);
  EXPECT_TRUE(at::equal(before.index, after.index));
  EXPECT_TRUE(at::allclose(before.similarity, after.similarity, 0.0, 1e-13));
}

TEST(NearestNeighbors, ARowOfZerosIsSimilarToNothing) {
  at::Tensor train = at::ones({3, 2}, at::kDouble);
  train[0].zero_();
  const Neighbors found = nearest_neighbors(train, at::ones({1, 2}, at::kDouble), 3);
  EXPECT_TRUE(at::equal(found.index[0], at::tensor({1, 2, 0}, at::kLong)));
  EXPECT_EQ(found.similarity[0][2].item<double>(), 0.0);
}

TEST(NearestNeighbors, RefusesWhatDoesNotFit) {
  at::Tensor train = at::ones({3, 2}, at::kDouble);
  EXPECT_THROW(nearest_neighbors(train, at::ones({1, 3}, at::kDouble), 1), c10::Error);
  EXPECT_THROW(nearest_neighbors(train, at::ones({1, 2}, at::kFloat), 1), c10::Error);
  train[1][1] = NAN;
  EXPECT_THROW(nearest_neighbors(train, at::ones({1, 2}, at::kDouble), 1), c10::Error);
}

TEST(Vote, AddsExponentialsByClass) {
  const at::Tensor label = synthetic::labels(200, 5, 8);
  const Neighbors neighbors =
      nearest_neighbors(synthetic::normal({200, 6}, 9), synthetic::normal({40, 6}, 10), 50);
  for (const int64_t k : {1, 17, 50, 80}) {
    const at::Tensor scores = vote(neighbors, label, 5, k, 0.07);
    for (int64_t q = 0; q < 40; ++q) {
      std::vector<double> expected(5, 0.0);
      for (int64_t i = 0; i < std::min<int64_t>(k, 50); ++i) {
        const int64_t row = neighbors.index[q][i].item<int64_t>();
        expected[label[row].item<int64_t>()] +=
            std::exp(neighbors.similarity[q][i].item<double>() / 0.07);
      }
      for (int64_t c = 0; c < 5; ++c) {
        ASSERT_NEAR(scores[q][c].item<double>(), expected[c], 1e-12 * (1.0 + expected[c]));
      }
    }
  }
  at::Tensor pieces = at::zeros({40, 5}, at::kDouble);
  add_votes(pieces, neighbors, label, 0, 17, 0.07);
  add_votes(pieces, neighbors, label, 17, 50, 0.07);
  EXPECT_TRUE(at::allclose(pieces, vote(neighbors, label, 5, 50, 0.07), 1e-13, 0.0));
}

}  // namespace
}  // namespace nearfar
