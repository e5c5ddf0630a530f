// Losses of statistics over all ranks: their gradient is that of one rank, to second order.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <vector>

#include "distributed/gather.h"
#include "distributed/shard.h"
#include "distributed/thread_group.h"
#include "tests/distributed/broken_groups.h"

namespace nearfar {
namespace {

constexpr int64_t kRows = 11;  // uneven on 2, 3 and 4 ranks
constexpr int64_t kColumns = 3;

at::Tensor view(double phase) {
  const at::Tensor numbers = at::arange(kRows * kColumns, at::kDouble);
  return (numbers.square() * 0.37 + phase).sin().view({kRows, kColumns});
}

/// Columns of all ranks' rows at mean 0 and variance 1, this rank's part of them.
at::Tensor standardized(Group& group, const at::Tensor& mine) {
  const at::Tensor centred = mine - sum_with_grad(group, mine.sum(0)) / kRows;
  const at::Tensor variance = sum_with_grad(group, centred.square().sum(0)) / kRows;
  return centred * (variance + 1e-3).rsqrt();
}

/// The redundancy reduction of Zbontar et al. 2021 (Barlow Twins), of the whole batch, on every
/// rank. The product of a transposed view is not contiguous on its way into the sum.
at::Tensor loss_of(Group& group, const at::Tensor& z1, const at::Tensor& z2) {
  const at::Tensor own = standardized(group, z2).t().matmul(standardized(group, z1)).t();
  const at::Tensor correlation = sum_with_grad(group, own) / kRows;
  const at::Tensor identity = at::eye(kColumns, at::kDouble);
  return ((correlation - identity).square() * (0.2 + 0.8 * identity)).sum();
}

struct Derivatives {
  at::Tensor loss, first, second;  // the latter [2, rows, columns]; second: along `direction`
};

/// What this rank's rows get, summed over ranks.
Derivatives derivatives(Group& group) {
  const Shard own = shard(kRows, group.size(), group.rank());
  const auto rows = [&own](const at::Tensor& all) { return all.slice(0, own.begin, own.end); };
  const at::Tensor z1 = rows(view(0.1)).clone().requires_grad_();
  const at::Tensor z2 = rows(view(0.5)).clone().requires_grad_();
  const at::Tensor loss = loss_of(group, z1, z2);
  const std::vector<at::Tensor> first =
      torch::autograd::grad({loss}, {z1, z2}, {}, /*retain_graph=*/true, /*create_graph=*/true);
  const at::Tensor along = (first[0] * rows(view(0.9))).sum() + (first[1] * rows(view(1.3))).sum();
  const std::vector<at::Tensor> second = torch::autograd::grad({along}, {z1, z2});
  return {loss.detach(), at::stack(first).detach(), at::stack(second)};
}

/// As data parallelism delivers it: averaged over ranks.
Derivatives derivatives_over_ranks(int ranks, Backward backward) {
  std::vector<at::Tensor> first(ranks), second(ranks);
  at::Tensor loss;
  run_ranks(ranks, [&](Group& real) {
    GroupWithBackward group(real, backward);
    const Derivatives own = derivatives(group);
    first[group.rank()] = own.first / ranks;
    second[group.rank()] = own.second / ranks;
    if (group.rank() == 0) loss = own.loss;
  });
  return {loss, at::cat(first, 1), at::cat(second, 1)};
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(BatchStatistics, AnyNumberOfRanksEqualsOneToSecondOrder) {
  SoloGroup solo;
  const Derivatives one = derivatives(solo);
  ASSERT_GT(one.first.abs().max().item<double>(), 0.01);
  ASSERT_GT(one.second.abs().max().item<double>(), 0.01);
  for (const int ranks : {2, 3, 4}) {
    const Derivatives many = derivatives_over_ranks(ranks, Backward::sum);
    // Sums of a few hundred terms below 10.
    EXPECT_LT(distance(many.loss, one.loss), 1e-13);
    EXPECT_LT(distance(many.first, one.first), 1e-12);
    EXPECT_LT(distance(many.second, one.second), 1e-11);
  }
}

TEST(BatchStatistics, TheGradientIsThatOfFiniteDifferences) {
  constexpr double kStep = 1e-5;
  SoloGroup solo;
  const at::Tensor gradient = derivatives_over_ranks(3, Backward::sum).first;
  for (int64_t i = 0; i < kRows * kColumns; i += 4) {
    at::Tensor ahead = view(0.1), behind = view(0.1);
    ahead.view(-1)[i] += kStep;
    behind.view(-1)[i] -= kStep;
    const double slope =
        (loss_of(solo, ahead, view(0.5)) - loss_of(solo, behind, view(0.5))).item<double>() /
        (2 * kStep);
    // The step's square, and rounding over the step: both about 1e-10.
    EXPECT_NEAR(gradient[0].reshape(-1)[i].item<double>(), slope, 1e-8);
  }
}

TEST(BatchStatistics, WrongAdjointsAreFarFromIt) {
  SoloGroup solo;
  const Derivatives one = derivatives(solo);
  for (const Backward wrong : {Backward::identity, Backward::averaged_sums}) {
    const Derivatives many = derivatives_over_ranks(3, wrong);
    EXPECT_LT(distance(many.loss, one.loss), 1e-13);
    EXPECT_GT(distance(many.first, one.first), 0.01) << to_text(wrong);
  }
}

// Rows that are every second column of a wider tensor, and an incoming gradient that is transposed.
TEST(BatchStatistics, TensorsNeedNotBeContiguous) {
  run_ranks(3, [](Group& group) {
    const int64_t rows = group.rank() + 1;
    const at::Tensor wide =
        (at::arange(rows * 8, at::kDouble) + 100.0 * group.rank()).view({rows, 8}).requires_grad_();
    const at::Tensor mine = wide.slice(1, 0, 8, 2);
    ASSERT_FALSE(rows > 1 && mine.is_contiguous());
    const at::Tensor all = gather_with_grad(group, mine, {1, 2, 3});
    const at::Tensor sum = sum_with_grad(group, mine.slice(0, 0, 1).t());
    EXPECT_TRUE(
        all.slice(0, 0, 1).equal(at::tensor({0.0, 2.0, 4.0, 6.0}, at::kDouble).unsqueeze(0)));
    EXPECT_TRUE(sum.squeeze(1).equal(at::tensor({300.0, 306.0, 312.0, 318.0}, at::kDouble)));
    const at::Tensor weights = at::arange(24, at::kDouble).view({4, 6}).t();
    ((all * weights).sum() + (sum * weights.slice(0, 0, 4).slice(1, 0, 1)).sum()).backward();
    const std::vector<int64_t> begin{0, 1, 3};
    at::Tensor expected = 3.0 * weights.narrow(0, begin[group.rank()], rows).clone();
    expected.narrow(0, 0, 1) += 3.0 * weights.slice(0, 0, 4).slice(1, 0, 1).t();
    EXPECT_TRUE(wide.grad().slice(1, 0, 8, 2).equal(expected));
    EXPECT_EQ(wide.grad().slice(1, 1, 8, 2).abs().max().item<double>(), 0.0);
  });
}

}  // namespace
}  // namespace nearfar
