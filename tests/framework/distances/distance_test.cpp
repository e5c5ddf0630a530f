// Distances: which axioms of a metric hold, forms that agree, gradients at kinks.
#include "framework/distances/distance.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "augment/random.h"
#include "framework/distances/norms.h"
#include "framework/distances/sets.h"
#include "framework/error.h"

namespace nearfar {
namespace {

at::Tensor drawn(int64_t rows, int64_t width, uint64_t seed) {
  Random random(seed, 0, 0, Purpose::evaluation);
  const at::Tensor values = at::empty({rows, width}, at::kDouble);
  for (int64_t i = 0; i < values.numel(); ++i) values.view(-1)[i] = random.normal();
  return values;
}

constexpr double kRounding = 1e-9;

TEST(Distances, TheAxiomsThatAreStatedHoldAndNoOthers) {
  for (const DistanceInfo& info : distances()) {
    const auto distance = make_distance({info.kind, "3"});
    Axioms found{true, true, true, true};
    for (uint64_t seed = 0; seed < 40; ++seed) {
      at::Tensor rows = drawn(12, 4, seed);
      rows[1] = rows[0] * 2.0;                  // parallel
      rows[2] = rows[0] + 1.0;                  // equal under softmax
      rows[3] = rows[0].flip(0);                // the same components
      rows[4] = rows[5] * 0.5 + rows[6] * 0.5;  // between two others: squares exceed the sum
      const at::Tensor matrix = distance->matrix(rows, rows);
      const at::Tensor others = matrix + at::eye(12, at::kDouble);
      if (matrix.min().item<double>() < -kRounding) found.non_negative = false;
      if (others.abs().min().item<double>() < kRounding ||
          matrix.diagonal().abs().max().item<double>() > kRounding) {
        found.zero_only_for_equals = false;
      }
      if ((matrix - matrix.t()).abs().max().item<double>() > kRounding) found.symmetric = false;
      // d(x, z) - d(x, y) - d(y, z) over all x, y, z
      const at::Tensor excess = matrix.unsqueeze(1) - matrix.unsqueeze(2) - matrix.unsqueeze(0);
      if (excess.max().item<double>() > kRounding) found.triangle = false;
    }
    EXPECT_EQ(found.non_negative, info.axioms.non_negative) << info.kind;
    EXPECT_EQ(found.zero_only_for_equals, info.axioms.zero_only_for_equals) << info.kind;
    EXPECT_EQ(found.symmetric, info.axioms.symmetric) << info.kind;
    EXPECT_EQ(found.triangle, info.axioms.triangle) << info.kind;
  }
}

TEST(Distances, RowsAreTheDiagonalOfTheMatrix) {
  const at::Tensor x = drawn(6, 4, 1), y = drawn(6, 4, 2);
  for (const DistanceInfo& info : distances()) {
    for (const char* p : {"1", "1.5", "inf"}) {
      const auto distance = make_distance({info.kind, p});
      const at::Tensor error = distance->rows(x, y) - distance->matrix(x, y).diagonal();
      EXPECT_LT(error.abs().max().item<double>(), 1e-12) << info.kind;
    }
  }
}

TEST(Distances, GradientsAreFiniteAtEqualOppositeAndZeroRows) {
  for (const DistanceInfo& info : distances()) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      for (const char* p : {"1", "1.5", "2", "inf"}) {
        at::Tensor x = drawn(4, 4, 3).to(type);
        x[1] = x[0];
        x[2] = -x[0];
        x[3] = at::zeros({4}, type);
        const auto distance = make_distance({info.kind, p});
        for (const bool matrix : {true, false}) {
          const at::Tensor a = x.clone().requires_grad_(), b = x.flip(0).clone().requires_grad_();
          (matrix ? distance->matrix(a, b) : distance->rows(a, b)).sum().backward();
          EXPECT_TRUE(a.grad().isfinite().all().item<bool>()) << info.kind << " p " << p;
          EXPECT_TRUE(b.grad().isfinite().all().item<bool>()) << info.kind << " p " << p;
        }
      }
    }
  }
}

TEST(Distances, SmallAnglesKeepTheirDigits) {
  const at::Tensor x = at::tensor({1.0, 0.0}, at::kDouble).unsqueeze(0);
  const at::Tensor y = at::tensor({std::cos(1e-9), std::sin(1e-9)}, at::kDouble).unsqueeze(0);
  const double angle =
      make_distance({"angular", "2"})->matrix(x, y).item<double>() * std::acos(-1.0);
  EXPECT_NEAR(angle, 1e-9, 1e-17);  // arccos of the rounded cosine is 0
}

TEST(Distances, FloatsKeepSmallDistancesOfWideRows) {
  // |x|^2 - 2 x y + |y|^2 would give 0 or noise here.
  const at::Tensor x = at::full({1, 64}, 100.0, at::kFloat);
  const at::Tensor y = x + 1e-3;
  const double expected = (x - y).to(at::kDouble).norm().item<double>();
  EXPECT_NEAR(make_distance({"euclidean", "2"})->matrix(x, y).item<double>(), expected, 1e-8);
}

TEST(Distances, WrongOnesAreNamed) {
  const at::Tensor x = drawn(3, 4, 1);
  EXPECT_THROW(make_distance({"euclidian", "2"}), ConfigError);
  for (const char* p : {"0.5", "two", "nan", ""}) {
    EXPECT_THROW(make_distance({"lp", p}), ConfigError) << p;
  }
  const auto distance = make_distance({"euclidean", "2"});
  EXPECT_THROW(distance->matrix(x, drawn(3, 5, 1)), c10::Error);
  EXPECT_THROW(distance->matrix(x, x.to(at::kFloat)), c10::Error);
  EXPECT_THROW(distance->rows(x, drawn(2, 4, 1)), c10::Error);
  EXPECT_THROW(make_distance({"gaussian_kl", "2"})->matrix(drawn(2, 3, 1), drawn(2, 3, 1)),
               c10::Error);
}

TEST(Mahalanobis, OfDataIsThatOfTheInverseCovariance) {
  const at::Tensor data = drawn(50, 3, 4).matmul(drawn(3, 3, 5));
  const at::Tensor covariance = shrunk_covariance(data, 0.1);
  const MahalanobisDistance distance(mahalanobis_factor(covariance));
  const at::Tensor inverse = at::linalg_inv(covariance);
  const at::Tensor matrix = distance.matrix(data, data);
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      const at::Tensor apart = data[i] - data[j];
      const double square = apart.dot(inverse.matmul(apart)).item<double>();
      EXPECT_NEAR(matrix[i][j].item<double>(), std::sqrt(std::max(square, 0.0)), 1e-9);
    }
  }
}

TEST(Mahalanobis, LedoitAndWolfsShrinkageFollowsTheirFormula) {
  const int64_t n = 20, d = 6;
  const at::Tensor data = drawn(n, d, 6);
  // b^2 / d^2 of their lemma, written out over the rows.
  const at::Tensor centred = data - data.mean(0);
  const at::Tensor sample = centred.t().matmul(centred) / static_cast<double>(n);
  const double mu = sample.trace().item<double>() / static_cast<double>(d);
  const at::Tensor target = at::eye(d, at::kDouble) * mu;
  const double dispersion = (sample - target).square().sum().item<double>();
  double scatter = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    scatter += (centred[i].outer(centred[i]) - sample).square().sum().item<double>();
  }
  const double share = std::min(scatter / static_cast<double>(n * n), dispersion) / dispersion;
  EXPECT_GT(share, 0.05);
  const at::Tensor expected = sample * (1.0 - share) + target * share;
  EXPECT_LT((shrunk_covariance(data, -1.0) - expected).abs().max().item<double>(), 1e-12);
}

TEST(Mahalanobis, ASingularCovarianceSaysWhatMendsIt) {
  const at::Tensor data = drawn(3, 5, 7);  // fewer rows than dimensions
  EXPECT_THROW(mahalanobis_factor(shrunk_covariance(data, 0.0)), c10::Error);
  EXPECT_NO_THROW(mahalanobis_factor(shrunk_covariance(data, 0.2)));
}

TEST(Mahalanobis, ALearnedOneStartsEuclideanAndLearns) {
  LearnedMahalanobis learned(2, 4);
  const at::Tensor x = drawn(3, 4, 8).to(at::kFloat), y = drawn(3, 4, 9).to(at::kFloat);
  const at::Tensor expected = LpDistance(2.0).rows(x.slice(1, 0, 2), y.slice(1, 0, 2));
  EXPECT_LT((learned.distance().rows(x, y) - expected).abs().max().item<double>(), 1e-6);
  learned.distance().matrix(x, y).sum().backward();
  EXPECT_GT(learned.parameters().front().grad().abs().max().item<double>(), 1e-3);
}

TEST(Sets, EnergyIsZeroForEqualSetsAndPositiveOtherwise) {
  const at::Tensor x = drawn(8, 3, 10);
  EXPECT_NEAR(energy_distance(x, x.flip(0)).item<double>(), 0.0, 1e-12);
  EXPECT_GT(energy_distance(x, x + 1.0).item<double>(), 0.1);
  EXPECT_THROW(energy_distance(x.slice(0, 0, 1), x, PairsOfASet::different), c10::Error);
}

TEST(Sets, SinkhornReachesTheCheapestAssignmentAsEpsilonFalls) {
  const at::Tensor x = drawn(5, 2, 11);
  const at::Tensor order = at::tensor({3, 0, 4, 1, 2}, at::kLong);
  SinkhornOptions options;
  options.epsilon = 0.02;
  options.residual = 1e-6;
  const at::Tensor y = x.index_select(0, order) + 0.01;
  EXPECT_NEAR(sinkhorn_distance(x, y, options).item<double>(), 2.0 * 0.01 * 0.01, 1e-4);
}

}  // namespace
}  // namespace nearfar
