// Retrieval against rankings sorted one query at a time, closed forms, ties and lonely queries.
#include "framework/evaluate/retrieval.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

at::Tensor everyone(const at::Tensor& rows) { return at::arange(rows.size(0), at::kLong); }

/// One query by the definition: the whole ranking is sorted, the measures are read off it.
void add_naive(RetrievalScores& sum, const std::vector<double>& cosine,
               const std::vector<int64_t>& label, int64_t own, int64_t wanted) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < static_cast<int64_t>(cosine.size()); ++i) {
    if (i != own) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return cosine[a] > cosine[b]; });
  const int64_t size =
      std::count_if(order.begin(), order.end(), [&](int64_t i) { return label[i] == wanted; });
  if (size == 0) {
    ++sum.lonely;
    return;
  }
  ++sum.queries;
  int64_t hits = 0;
  double r_precision = 0.0, map_at_r = 0.0, map = 0.0;
  for (size_t place = 0; place < order.size(); ++place) {
    if (label[order[place]] != wanted) continue;
    ++hits;
    const double precision = static_cast<double>(hits) / static_cast<double>(place + 1);
    map += precision;
    if (static_cast<int64_t>(place) < size) {
      map_at_r += precision;
      r_precision += 1.0;
    }
    for (size_t k = 0; k < kRecallAt.size(); ++k) {
      if (hits == 1 && static_cast<int64_t>(place) < kRecallAt[k]) sum.recall[k] += 1.0;
    }
  }
  sum.r_precision += r_precision / static_cast<double>(size);
  sum.map_at_r += map_at_r / static_cast<double>(size);
  sum.map += map / static_cast<double>(size);
}

RetrievalScores naive(const at::Tensor& queries, const at::Tensor& query_label,
                      const at::Tensor& gallery, const at::Tensor& gallery_label, bool own) {
  RetrievalScores sum;
  std::vector<int64_t> label;
  for (int64_t i = 0; i < gallery.size(0); ++i) label.push_back(gallery_label[i].item<int64_t>());
  for (int64_t q = 0; q < queries.size(0); ++q) {
    std::vector<double> cosine;
    for (int64_t i = 0; i < gallery.size(0); ++i) {
      const double dot = (queries[q] * gallery[i]).sum().item<double>();
      cosine.push_back(dot / (queries[q].norm() * gallery[i].norm()).item<double>());
    }
    add_naive(sum, cosine, label, own ? q : -1, query_label[q].item<int64_t>());
  }
  const auto count = static_cast<double>(sum.queries);
  for (double& recall : sum.recall) recall /= count;
  sum.r_precision /= count;
  sum.map_at_r /= count;
  sum.map /= count;
  return sum;
}

// Sums of at most a few hundred fractions in another order: 1e-13.
void expect_equal(const RetrievalScores& a, const RetrievalScores& b) {
  for (size_t k = 0; k < kRecallAt.size(); ++k) EXPECT_NEAR(a.recall[k], b.recall[k], 1e-13);
  EXPECT_NEAR(a.r_precision, b.r_precision, 1e-13);
  EXPECT_NEAR(a.map_at_r, b.map_at_r, 1e-13);
  EXPECT_NEAR(a.map, b.map, 1e-13);
  EXPECT_EQ(a.queries, b.queries);
  EXPECT_EQ(a.lonely, b.lonely);
}

TEST(Retrieval, EqualsTheSortedRanking) {
  for (const uint64_t seed : {1, 2, 3}) {
    at::Tensor label = synthetic::labels(120, 9, seed);
    label[5] = 77;  // lonely
    label[80] = 78;
    const at::Tensor features = synthetic::clouds(label.remainder(9), 9, 5, 0.8, seed);
    const RetrievalScores scores = retrieval_scores(features, label, everyone(features));
    expect_equal(scores, naive(features, label, features, label, true));
    EXPECT_EQ(scores.lonely, 2);
    EXPECT_GT(scores.map_at_r, 0.05);
    EXPECT_LT(scores.map_at_r, 0.95);
  }
}

TEST(Retrieval, OfAGalleryEqualsTheSortedRanking) {
  const at::Tensor label = synthetic::labels(90, 6, 1);
  const at::Tensor query_label = synthetic::labels(40, 7, 2);  // class 6 is in no gallery
  const at::Tensor gallery = synthetic::clouds(label, 7, 4, 1.0, 3);
  const at::Tensor queries = synthetic::clouds(query_label, 7, 4, 1.0, 4);
  const RetrievalScores scores = retrieval_scores(queries, query_label, gallery, label);
  expect_equal(scores, naive(queries, query_label, gallery, label, false));
  EXPECT_EQ(scores.lonely, (query_label == 6).sum().item<int64_t>());
}

TEST(Retrieval, JudgesASampleOfQueriesAgainstAllRows) {
  const at::Tensor label = synthetic::labels(80, 5, 1);
  const at::Tensor features = synthetic::clouds(label, 5, 4, 1.0, 2);
  const RetrievalScores scores =
      retrieval_scores(features, label, at::tensor({4, 17, 60}, at::kLong));
  double map = 0.0;
  for (const int64_t query : {4, 17, 60}) {
    map += retrieval_scores(features, label, at::tensor({query}, at::kLong)).map / 3.0;
  }
  EXPECT_EQ(scores.queries, 3);
  EXPECT_NEAR(scores.map, map, 1e-15);
}

TEST(Retrieval, IsOneForSeparatedClassesAndTheErrorZero) {
  const at::Tensor label = at::arange(60, at::kLong).remainder(4);
  const at::Tensor features =
      at::eye(4, at::kDouble).index_select(0, label) + 0.01 * synthetic::normal({60, 4}, 1);
  const RetrievalScores scores = retrieval_scores(features, label, everyone(features));
  EXPECT_DOUBLE_EQ(scores.recall[0], 1.0);
  EXPECT_NEAR(scores.map_at_r, 1.0, 1e-14);
  EXPECT_NEAR(scores.r_precision, 1.0, 1e-14);
  EXPECT_NEAR(scores.map, 1.0, 1e-14);
  EXPECT_NEAR(scores.map_at_r_error, 0.0, 1e-15);
}

// Labels that tell nothing: a hit at a place has the chance p = (n - 1) / (N - 1) of the others,
// so that R-precision is p and recall at 1 is p.
TEST(Retrieval, IsTheShareOfTheClassForRandomLabels) {
  const int64_t count = 2000;
  const at::Tensor label = at::arange(count, at::kLong).remainder(10);
  const at::Tensor features = synthetic::normal({count, 16}, 5);
  const RetrievalScores scores = retrieval_scores(features, label, everyone(features));
  const double share = 199.0 / 1999.0;
  // Four standard errors of 2,000 queries; R-precision averages 199 places besides.
  EXPECT_NEAR(scores.recall[0], share, 4.0 * std::sqrt(share * (1.0 - share) / 2000.0));
  EXPECT_NEAR(scores.r_precision, share, 0.004);
  EXPECT_NEAR(scores.recall[3], 1.0 - std::pow(1.0 - share, 8.0), 0.045);
}

TEST(Retrieval, PutsTheLowerOfEqualRowsFirst) {
  // All cosines are equal: row 0 ranks 1, 2, 3; row 2 ranks 0, 1, 3.
  const at::Tensor same = at::ones({4, 2}, at::kDouble);
  const at::Tensor label = at::tensor({0, 1, 0, 0}, at::kLong);
  const RetrievalScores first = retrieval_scores(same, label, at::tensor({0}, at::kLong));
  EXPECT_DOUBLE_EQ(first.recall[0], 0.0);
  EXPECT_DOUBLE_EQ(first.r_precision, 0.5);
  EXPECT_DOUBLE_EQ(first.map_at_r, 0.25);
  EXPECT_DOUBLE_EQ(first.map, (1.0 / 2.0 + 2.0 / 3.0) / 2.0);
  const RetrievalScores third = retrieval_scores(same, label, at::tensor({2}, at::kLong));
  EXPECT_DOUBLE_EQ(third.recall[0], 1.0);
  EXPECT_DOUBLE_EQ(third.map, (1.0 + 2.0 / 3.0) / 2.0);
}

TEST(Retrieval, DoesNotDependOnTheOrderOfRows) {
  const at::Tensor label = synthetic::labels(100, 6, 1);
  const at::Tensor features = synthetic::clouds(label, 6, 5, 0.7, 2);
  const at::Tensor order = everyone(features).mul(37).add(11).remainder(100);
  expect_equal(retrieval_scores(features, label, everyone(features)),
               retrieval_scores(features.index_select(0, order), label.index_select(0, order),
                                everyone(features)));
}

TEST(Retrieval, HasTheStandardErrorOfAMean) {
  const at::Tensor label = synthetic::labels(70, 5, 1);
  const at::Tensor features = synthetic::clouds(label, 5, 4, 0.8, 2);
  std::vector<double> each;
  for (int64_t i = 0; i < 70; ++i) {
    each.push_back(retrieval_scores(features, label, at::tensor({i}, at::kLong)).map_at_r);
  }
  const double mean = std::accumulate(each.begin(), each.end(), 0.0) / 70.0;
  double squares = 0.0;
  for (const double value : each) squares += (value - mean) * (value - mean);
  EXPECT_NEAR(retrieval_scores(features, label, everyone(features)).map_at_r_error,
              std::sqrt(squares / 69.0 / 70.0), 1e-14);
}

TEST(Retrieval, LeavesOutLonelyQueriesOnly) {
  const at::Tensor features = synthetic::normal({3, 2}, 1);
  const RetrievalScores scores =
      retrieval_scores(features, at::arange(3, at::kLong), everyone(features));
  EXPECT_EQ(scores.queries, 0);
  EXPECT_EQ(scores.lonely, 3);
  EXPECT_EQ(scores.map, 0.0);
  EXPECT_THROW(retrieval_scores(features, at::arange(2, at::kLong), everyone(features)),
               c10::Error);
}

}  // namespace
}  // namespace nearfar
