// Signs of life against closed forms and loops in double precision.
#include "framework/train/signs_of_life.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "augment/random.h"

namespace nearfar {
namespace {

TEST(EmbeddingStd, IsZeroWhenAllRowsPointOneWay) {
  const at::Tensor rows = at::arange(1, 9, at::kFloat).view({8, 1}) * at::ones({1, 5});
  EXPECT_NEAR(embedding_std(rows), 0.0, 1e-6);
}

TEST(EmbeddingStd, IsOneForRowsSpreadEvenly) {
  // Plus and minus each axis: the variance of every coordinate is 1 / d.
  const at::Tensor rows = at::cat({at::eye(6), -at::eye(6)});
  EXPECT_NEAR(embedding_std(rows), 1.0, 1e-6);
  EXPECT_NEAR(embedding_std(rows * 1000.0), 1.0, 1e-6);
}

TEST(EffectiveRank, CountsEvenlyUsedDirections) {
  EXPECT_NEAR(effective_rank(at::eye(7)), 7.0, 1e-4);
  EXPECT_NEAR(effective_rank(at::ones({9, 4})), 1.0, 1e-4);
  const at::Tensor two = at::cat({at::eye(2), at::zeros({2, 3})}, 1).repeat({5, 1});
  EXPECT_NEAR(effective_rank(two), 2.0, 1e-4);
}

TEST(EffectiveRank, IsTheExponentialOfTheEntropy) {
  // Rows e1 x 9 and e2 x 1: singular values 3 and 1, shares 3/4 and 1/4.
  const at::Tensor rows =
      at::cat({at::eye(2).narrow(0, 0, 1).repeat({9, 1}), at::eye(2).narrow(0, 1, 1)});
  const double entropy = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  EXPECT_NEAR(effective_rank(rows), std::exp(entropy), 1e-5);
}

/// Values in [-0.5, 1) with a direction in common, so that no similarity is zero on average.
at::Tensor some_rows(int64_t n, int64_t d, uint64_t item) {
  Random random(11, 0, item, Purpose::recipe);
  const at::Tensor rows = at::empty({n, d}, at::kDouble);
  for (int64_t i = 0; i < n * d; ++i) rows.data_ptr<double>()[i] = random.uniform(-0.5, 1.0);
  return rows.to(at::kFloat);
}

using Rows = std::vector<std::vector<double>>;

Rows unit(const at::Tensor& rows) {
  Rows result;
  for (int64_t i = 0; i < rows.size(0); ++i) {
    double square = 0.0;
    for (int64_t k = 0; k < rows.size(1); ++k) square += std::pow(rows[i][k].item<double>(), 2);
    result.emplace_back();
    for (int64_t k = 0; k < rows.size(1); ++k) {
      result.back().push_back(rows[i][k].item<double>() / std::sqrt(square));
    }
  }
  return result;
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0.0;
  for (size_t k = 0; k < x.size(); ++k) sum += x[k] * y[k];
  return sum;
}

double square_distance(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0.0;
  for (size_t k = 0; k < x.size(); ++k) sum += (x[k] - y[k]) * (x[k] - y[k]);
  return sum;
}

/// The paper's definition, pair by pair.
double naive_uniformity(const Rows& rows) {
  double sum = 0.0;
  int pairs = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < i; ++j, ++pairs) {
      sum += std::exp(-2.0 * square_distance(rows[i], rows[j]));
    }
  }
  return std::log(sum / pairs);
}

double naive_negatives(const Rows& x, const Rows& y) {
  double sum = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t j = 0; j < y.size(); ++j) sum += i == j ? 0.0 : dot(x[i], y[j]);
  }
  return sum / static_cast<double>(x.size() * (x.size() - 1));
}

// Tolerance of all comparisons below: unit rows are float32, so a cosine is good to about 1e-6.
constexpr double kClose = 3e-6;

TEST(SignsOfLife, OfTwoViewsEqualLoopsOverPairs) {
  const at::Tensor a = some_rows(23, 9, 0), b = a + 0.3 * some_rows(23, 9, 1);
  const SignsOfLife signs = signs_of_life({a, b});
  const Rows x = unit(a), y = unit(b);
  double similarity = 0.0, alignment = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    similarity += dot(x[i], y[i]) / 23.0;
    alignment += square_distance(x[i], y[i]) / 23.0;
  }
  EXPECT_NEAR(*signs.positive_similarity, similarity, kClose);
  EXPECT_NEAR(*signs.alignment, alignment, kClose);
  EXPECT_NEAR(*signs.negative_similarity, naive_negatives(x, y), kClose);
  EXPECT_NEAR(*signs.uniformity, 0.5 * (naive_uniformity(x) + naive_uniformity(y)), kClose);
  EXPECT_NEAR(signs.embedding_std, embedding_std(a), 1e-6);
  EXPECT_NEAR(signs.effective_rank, effective_rank(a), 1e-6);
}

TEST(SignsOfLife, OfASingleEmbeddingHaveNoPositives) {
  const at::Tensor a = some_rows(12, 5, 2);
  const SignsOfLife signs = signs_of_life({a});
  EXPECT_FALSE(signs.positive_similarity);
  EXPECT_FALSE(signs.alignment);
  EXPECT_NEAR(*signs.negative_similarity, naive_negatives(unit(a), unit(a)), kClose);
  EXPECT_NEAR(*signs.uniformity, naive_uniformity(unit(a)), kClose);
}

TEST(SignsOfLife, PairTheFirstTwoOfOneShape) {
  const at::Tensor wide = some_rows(10, 8, 3), a = some_rows(10, 4, 4), b = some_rows(10, 4, 5);
  const SignsOfLife signs = signs_of_life({wide, a, b, a});
  EXPECT_NEAR(*signs.negative_similarity, naive_negatives(unit(a), unit(b)), kClose);
  EXPECT_NEAR(signs.embedding_std, embedding_std(wide), 1e-6);
  EXPECT_FALSE(signs_of_life({wide, a}).positive_similarity);
}

TEST(SignsOfLife, TakeWhatRecipesHandOver) {
  // One sample; maps instead of vectors; bfloat16; more rows than are looked at.
  const SignsOfLife one = signs_of_life({some_rows(1, 4, 6), some_rows(1, 4, 7)});
  EXPECT_TRUE(one.positive_similarity);
  EXPECT_FALSE(one.negative_similarity);
  EXPECT_FALSE(one.uniformity);
  const at::Tensor maps = some_rows(6, 12, 8);
  EXPECT_EQ(*signs_of_life({maps.view({6, 3, 4})}).uniformity, *signs_of_life({maps}).uniformity);
  const at::Tensor rounded = maps.to(at::kBFloat16);
  EXPECT_EQ(*signs_of_life({rounded}).uniformity,
            *signs_of_life({rounded.to(at::kFloat)}).uniformity);
  const at::Tensor many = some_rows(700, 3, 9);
  EXPECT_EQ(*signs_of_life({many}).uniformity, *signs_of_life({many.narrow(0, 0, 512)}).uniformity);
}

TEST(SignsOfLife, KnowBothEnds) {
  // All rows equal: aligned, not uniform.
  const SignsOfLife collapsed = signs_of_life({at::ones({8, 4}), at::ones({8, 4})});
  EXPECT_NEAR(*collapsed.positive_similarity, 1.0, 1e-6);
  EXPECT_NEAR(*collapsed.negative_similarity, 1.0, 1e-6);
  EXPECT_NEAR(*collapsed.uniformity, 0.0, 1e-5);
  EXPECT_NEAR(*collapsed.alignment, 0.0, 1e-6);
  // An orthonormal basis: every squared distance is 2, times -t is -4.
  const SignsOfLife spread = signs_of_life({at::eye(8), at::eye(8)});
  EXPECT_NEAR(*spread.negative_similarity, 0.0, 1e-6);
  EXPECT_NEAR(*spread.uniformity, -4.0, 1e-5);
}

TEST(SignsOfLife, AreNanForEmbeddingsThatAreNotFinite) {
  // Where a GPU's flag is read late, the line of a step that diverged may be written before.
  const at::Tensor rows = some_rows(8, 4, 12);
  rows[3][1] = std::numeric_limits<float>::quiet_NaN();
  const SignsOfLife signs = signs_of_life({rows, rows});
  EXPECT_TRUE(std::isnan(signs.embedding_std));
  EXPECT_TRUE(std::isnan(signs.effective_rank));
  EXPECT_TRUE(std::isnan(*signs.uniformity));
}

TEST(Cosines, OfPairsEqualDotProducts) {
  const at::Tensor a = some_rows(5, 3, 10), b = some_rows(5, 3, 11);
  const Rows x = unit(a), y = unit(b);
  const Cosines both = cosines(embedding_pair({a, b}));
  ASSERT_EQ(both.negatives.numel(), 20);
  int64_t next = 0;
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(both.positives[static_cast<int64_t>(i)].item<double>(), dot(x[i], y[i]), kClose);
    for (size_t j = 0; j < 5; ++j) {
      if (i == j) continue;
      EXPECT_NEAR(both.negatives[next++].item<double>(), dot(x[i], y[j]), kClose);
    }
  }
  EXPECT_FALSE(cosines(embedding_pair({a})).positives.defined());
}

}  // namespace
}  // namespace nearfar
