// Cosines in blocks against sums in double, one pair at a time.
#include "framework/evaluate/cosines.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

double naive_cosine(const at::Tensor& a, const at::Tensor& b) {
  double dot = 0.0, aa = 0.0, bb = 0.0;
  for (int64_t j = 0; j < a.size(0); ++j) {
    const double x = a[j].item<double>(), y = b[j].item<double>();
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0.0 && bb > 0.0 ? dot / std::sqrt(aa * bb) : 0.0;
}

TEST(Cosines, EqualTheDefinitionForEveryQuery) {
  at::Tensor gallery = synthetic::normal({40, 7}, 1);
  const at::Tensor queries = synthetic::normal({9, 7}, 2);
  gallery[3].zero_();
  for (const auto type : {at::kDouble, at::kFloat}) {
    // Rounding of a sum of seven products in float32; in float64 a billion times less.
    const double tolerance = type == at::kFloat ? 1e-6 : 1e-15;
    at::Tensor seen = at::zeros({9}, at::kLong);
    for_each_query(unit_rows(queries.to(type)), unit_rows(gallery.to(type)),
                   [&](int64_t query, const double* cosine) {
                     ++seen.data_ptr<int64_t>()[query];
                     for (int64_t row = 0; row < 40; ++row) {
                       EXPECT_NEAR(cosine[row], naive_cosine(queries[query], gallery[row]),
                                   tolerance);
                     }
                   });
    EXPECT_TRUE((seen == 1).all().item<bool>());
  }
}

// 50,000 rows leave room for 83 queries in a block: 200 queries are three blocks.
TEST(Cosines, DoNotDependOnTheBlocks) {
  const at::Tensor gallery = unit_rows(synthetic::normal({50000, 3}, 1));
  const at::Tensor queries = unit_rows(synthetic::normal({200, 3}, 2));
  const at::Tensor whole = at::mm(queries, gallery.t());
  for_each_query(queries, gallery, [&](int64_t query, const double* cosine) {
    const double* expected = whole.data_ptr<double>() + query * 50000;
    for (int64_t row = 0; row < 50000; row += 997) {
      ASSERT_NEAR(cosine[row], expected[row], 1e-15) << query;
    }
  });
}

TEST(Cosines, OfPairsEqualTheDefinition) {
  const at::Tensor rows = synthetic::normal({30, 100000}, 3);  // 20 pairs in a block
  std::vector<Pair> pairs;
  for (int64_t i = 0; i < 30; ++i) pairs.push_back({i, (7 * i + 3) % 30});
  const std::vector<double> cosines = pair_cosines(unit_rows(rows), pairs);
  ASSERT_EQ(cosines.size(), pairs.size());
  for (size_t i = 0; i < pairs.size(); i += 4) {
    const double expected =
        (rows[pairs[i].first] * rows[pairs[i].second]).sum().item<double>() /
        (rows[pairs[i].first].norm() * rows[pairs[i].second].norm()).item<double>();
    EXPECT_NEAR(cosines[i], expected, 1e-13);
  }
  EXPECT_TRUE(pair_cosines(unit_rows(rows), {}).empty());
}

TEST(Cosines, RefuseWhatIsNotFinite) {
  at::Tensor rows = synthetic::normal({5, 3}, 1);
  rows[2][1] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(unit_rows(rows), c10::Error);
  EXPECT_THROW(unit_rows(at::ones({3}, at::kDouble)), c10::Error);
  EXPECT_THROW(unit_rows(at::ones({3, 2}, at::kLong)), c10::Error);
}

}  // namespace
}  // namespace nearfar
