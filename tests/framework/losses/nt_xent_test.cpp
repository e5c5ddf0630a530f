// NT-Xent of one rank: against loops and finite differences, and where exponentials and norms are
// extreme.
#include "framework/losses/nt_xent.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <cmath>

#include "framework/train/memory_meter.h"
#include "tests/framework/losses/nt_xent_reference.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

/// Two views that are alike but not equal; no two entries are.
at::Tensor view(int64_t rows, int64_t width, double phase) {
  return at::arange(rows * width, at::kDouble).mul(1.7).add(phase).sin().view({rows, width});
}

struct Result {
  double loss;
  at::Tensor grad1, grad2;
};

Result evaluate(const at::Tensor& z1, const at::Tensor& z2, double temperature) {
  SoloGroup group;
  const at::Tensor first = z1.clone().requires_grad_(), second = z2.clone().requires_grad_();
  const at::Tensor loss = nt_xent(group, first, second, temperature, {0, z1.size(0), z1.size(0)});
  loss.backward();
  return {loss.item<double>(), first.grad(), second.grad()};
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

TEST(NtXent, EqualsTheDefinition) {
  for (int64_t rows : {1, 2, 5, 9}) {
    for (double temperature : {0.05, 0.1, 0.5, 2.0}) {
      const at::Tensor z1 = view(rows, 4, 0.0), z2 = view(rows, 4, 0.4);
      const Result result = evaluate(z1, z2, temperature);
      // Sums of a few terms of size 1 / temperature.
      EXPECT_NEAR(result.loss, nt_xent_by_loops(z1, z2, temperature), 1e-13 / temperature);
      // Central differences at step 1e-5: error 1e-10 times the third derivative, and rounding
      // 1e-11.
      EXPECT_LT(largest(result.grad1 - nt_xent_gradient_by_differences(z1, z2, temperature)), 1e-6);
      EXPECT_LT(largest(result.grad2 - nt_xent_gradient_by_differences(z2, z1, temperature)), 1e-6);
    }
  }
}

TEST(NtXent, ManyTilesEqualTheWholeMatrix) {
  // 650 and 1,300 rows: blocks of 64 to 256, the last one smaller.
  for (int64_t rows : {325, 650}) {
    const at::Tensor z1 = view(rows, 16, 0.0), z2 = view(rows, 16, 0.4);
    const at::Tensor first = z1.clone().requires_grad_(), second = z2.clone().requires_grad_();
    const at::Tensor loss = naive::nt_xent(first, second, 0.1);
    loss.backward();
    const Result result = evaluate(z1, z2, 0.1);
    EXPECT_NEAR(result.loss, loss.item<double>(), 1e-12);
    EXPECT_LT(largest(result.grad1 - first.grad()), 1e-10 * largest(first.grad()));
    EXPECT_LT(largest(result.grad2 - second.grad()), 1e-10 * largest(second.grad()));
    const Result single = evaluate(z1.to(at::kFloat), z2.to(at::kFloat), 0.1);
    EXPECT_NEAR(single.loss, loss.item<double>(), 1e-6 * loss.item<double>());
    EXPECT_LT(largest(single.grad1 - first.grad()), 1e-5 * largest(first.grad()));
  }
}

// The matrix of 2,048 x 2,048 similarities alone takes 16 MiB, the rows take half a MiB.
TEST(NtXent, TakesMemoryForRowsAndTilesAlone) {
  const ThreadCount one(1);
  const at::Tensor z1 = view(1024, 64, 0.0).to(at::kFloat), z2 = view(1024, 64, 0.4).to(at::kFloat);
  const int64_t peak = peak_bytes([&] { evaluate(z1, z2, 0.1); });
  const int64_t rows = 2048 * 64 * 4, tile = 256 * 256 * 4;
  EXPECT_LT(peak, tile + 9 * rows);
}

TEST(NtXent, WeightsMultiplyTheLossOfASample) {
  SoloGroup group;
  const at::Tensor weight = at::tensor({0.5, 3.0, 0.0, -1.0}, at::kDouble);
  const at::Tensor z1 = view(4, 5, 0.0).requires_grad_(), z2 = view(4, 5, 0.4).requires_grad_();
  const at::Tensor expected = naive::nt_xent(z1, z2, 0.2, weight);
  expected.backward();
  const at::Tensor expected_grad = z1.grad().clone();
  z1.mutable_grad().zero_();
  const at::Tensor loss = nt_xent(group, z1, z2, 0.2, {0, 4, 4}, weight);
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-13);
  EXPECT_LT(largest(z1.grad() - expected_grad), 1e-13);
  const at::Tensor half = nt_xent(group, z1, z2, 0.2, {0, 4, 4}, at::scalar_tensor(0.5));
  EXPECT_NEAR(half.item<double>(), 0.5 * evaluate(z1.detach(), z2.detach(), 0.2).loss, 1e-13);
  EXPECT_THROW(nt_xent(group, z1, z2, 0.2, {0, 4, 4}, at::ones({3})), c10::Error);
}

TEST(NtXent, AFactorAfterwardsAndASecondDerivativeAreRefused) {
  SoloGroup group;
  const at::Tensor z1 = view(4, 5, 0.0).requires_grad_(), z2 = view(4, 5, 0.4);
  const auto loss = [&] { return nt_xent(group, z1, z2, 0.2, {0, 4, 4}); };
  EXPECT_THROW((loss() * 2.0).backward(), c10::Error);
  EXPECT_THROW(
      torch::autograd::grad({loss()}, {z1}, {}, /*retain_graph=*/{}, /*create_graph=*/true),
      c10::Error);
  EXPECT_FALSE(z1.grad().defined());
  (loss() + z1.sum()).backward();
  EXPECT_LT(largest(z1.grad() - 1.0 - evaluate(z1.detach(), z2, 0.2).grad1), 1e-15);
}

TEST(NtXent, BFloat16IsComputedInSinglePrecision) {
  const at::Tensor z1 = view(9, 8, 0.0).to(at::kBFloat16), z2 = view(9, 8, 0.4).to(at::kBFloat16);
  const Result result = evaluate(z1, z2, 0.1);
  const Result exact = evaluate(z1.to(at::kDouble), z2.to(at::kDouble), 0.1);
  EXPECT_NEAR(result.loss, exact.loss, 1e-6 * exact.loss);
  EXPECT_EQ(result.grad1.scalar_type(), at::kBFloat16);
  EXPECT_LT(largest(result.grad1.to(at::kDouble) - exact.grad1), 5e-3 * largest(exact.grad1));
}

TEST(NtXent, OnePairHasNothingToTellApart) {
  for (at::ScalarType type : {at::kFloat, at::kDouble}) {
    const Result result = evaluate(view(1, 6, 0.0).to(type), view(1, 6, 0.4).to(type), 0.1);
    EXPECT_EQ(result.loss, 0.0);
    EXPECT_EQ(largest(result.grad1), 0.0);
    EXPECT_EQ(largest(result.grad2), 0.0);
  }
}

TEST(NtXent, RowsThatAreAllAlikeGiveTheRandomGuess) {
  const at::Tensor rows = at::ones({6, 3}, at::kDouble);
  EXPECT_NEAR(evaluate(rows, rows, 0.1).loss, nt_xent_random_guess(6), 1e-13);
  const Result sharp = evaluate(rows.to(at::kFloat), rows.to(at::kFloat), 0.005);
  EXPECT_NEAR(sharp.loss, nt_xent_random_guess(6), 1e-6);
  EXPECT_LT(largest(sharp.grad1), 1e-4);  // exactly 0, but for 1 / T = 200 roundings of float32
  EXPECT_DOUBLE_EQ(nt_xent_random_guess(6), std::log(11.0));
}

TEST(NtXent, DoesNotDependOnNorms) {
  const at::Tensor z1 = view(5, 8, 0.0), z2 = view(5, 8, 0.4);
  const Result expected = evaluate(z1, z2, 0.1);
  // Squares of these leave the range of float32: 1e-60 and 1e60.
  for (double scale : {1e-30, 1e30}) {
    const Result result = evaluate((z1 * scale).to(at::kFloat), z2.to(at::kFloat), 0.1);
    EXPECT_NEAR(result.loss, expected.loss, 1e-5 * expected.loss);
    EXPECT_LT(largest(result.grad1.to(at::kDouble) * scale - expected.grad1),
              1e-4 * largest(expected.grad1));
    EXPECT_LT(largest(result.grad2 - expected.grad2), 1e-4 * largest(expected.grad2));
  }
}

TEST(NtXent, ARowOfZerosHasFiniteLossAndGradient) {
  at::Tensor z1 = view(4, 3, 0.0);
  z1[2].zero_();
  const Result result = evaluate(z1, view(4, 3, 0.4), 0.1);
  EXPECT_TRUE(std::isfinite(result.loss));
  EXPECT_TRUE(result.grad1.isfinite().all().item<bool>());
  EXPECT_TRUE(result.grad2.isfinite().all().item<bool>());
}

TEST(NtXent, ARowThatIsNotFiniteIsSeenInTheLoss) {
  for (double bad : {NAN, INFINITY}) {
    at::Tensor z1 = view(4, 3, 0.0);
    z1[2][1] = bad;
    EXPECT_FALSE(std::isfinite(evaluate(z1, view(4, 3, 0.4), 0.1).loss));
  }
}

TEST(NtXent, SinglePrecisionKeepsWellSeparatedPairs) {
  // Orthogonal classes at T = 0.05: the loss is ln(1 + 6 e^-20) = 1.2e-8, lost in float32 when
  // log-sum-exp and positive, both near 20, are subtracted.
  const at::Tensor z1 = at::eye(4, at::kDouble) + 1e-3 * view(4, 4, 0.0);
  const at::Tensor z2 = at::eye(4, at::kDouble) + 1e-3 * view(4, 4, 0.4);
  const Result exact = evaluate(z1, z2, 0.05);
  const Result result = evaluate(z1.to(at::kFloat), z2.to(at::kFloat), 0.05);
  EXPECT_LT(exact.loss, 2e-8);
  EXPECT_NEAR(result.loss, exact.loss, 1e-5 * exact.loss);
  EXPECT_LT(largest(result.grad1 - exact.grad1), 1e-3 * largest(exact.grad1));
}

TEST(NtXent, WrongPairsAtASharpTemperatureStayFinite) {
  // Views that are opposite, others orthogonal: the margin is 1 / T = 1000, and e^1000 is infinite.
  const at::Tensor z1 = at::eye(4, at::kFloat);
  const Result result = evaluate(z1, -z1, 0.001);
  EXPECT_NEAR(result.loss, 1000.0 + std::log(6.0), 1e-3);
  EXPECT_TRUE(result.grad1.isfinite().all().item<bool>());
}

TEST(NtXent, IsNotRoundedUnderAutocast) {
  const at::Tensor z1 = view(8, 16, 0.0).to(at::kFloat), z2 = view(8, 16, 0.4).to(at::kFloat);
  const double expected = evaluate(z1, z2, 0.1).loss;
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const bool rounds = z1.matmul(z2.t()).scalar_type() == at::kBFloat16;
  const double result = evaluate(z1, z2, 0.1).loss;
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_TRUE(rounds);
  EXPECT_EQ(result, expected);
}

TEST(NtXent, RefusesWhatItCannotCompute) {
  SoloGroup group;
  const at::Tensor rows = view(3, 2, 0.0);
  const Shard whole{0, 3, 3};
  EXPECT_THROW(nt_xent(group, rows, rows, 0.0, whole), c10::Error);
  EXPECT_THROW(nt_xent(group, rows, rows, NAN, whole), c10::Error);
  EXPECT_THROW(nt_xent(group, rows, rows.slice(0, 1), 0.1, whole), c10::Error);
  EXPECT_THROW(nt_xent(group, rows, rows.to(at::kFloat), 0.1, whole), c10::Error);
  EXPECT_THROW(nt_xent(group, rows.to(at::kHalf), rows.to(at::kHalf), 0.1, whole), c10::Error);
  EXPECT_THROW(nt_xent(group, rows, rows, 0.1, Shard{0, 3, 6}), c10::Error);
}

}  // namespace
}  // namespace nearfar
