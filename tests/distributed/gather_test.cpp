// The law of gathers: with summing adjoints, the mean over ranks of the gradients is the gradient
// of the mean over ranks of the losses.
#include "distributed/gather.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <cmath>
#include <mutex>

#include "distributed/shard.h"
#include "distributed/thread_group.h"
#include "tests/distributed/broken_groups.h"

namespace nearfar {
namespace {

constexpr int64_t kColumns = 3;

/// Values that no two ranks, rows or columns share.
at::Tensor global_rows(int64_t total) {
  return at::arange(total * kColumns, at::kDouble).mul(0.37).sin().view({total, kColumns});
}

/// Every rank has a loss of its own over all rows g: sum_k c_k sin((r + 1) g_k), c_k = row + 1.
at::Tensor loss_of_rank(int rank, const at::Tensor& gathered) {
  const at::Tensor weight = at::arange(1, gathered.size(0) + 1, at::kDouble).unsqueeze(1);
  return (weight * (gathered * (rank + 1.0)).sin()).sum();
}

/// sum_r d loss_r / dx, by hand.
at::Tensor closed_form(const at::Tensor& rows, int ranks) {
  const at::Tensor weight = at::arange(1, rows.size(0) + 1, at::kDouble).unsqueeze(1);
  at::Tensor gradient = at::zeros_like(rows);
  for (int rank = 0; rank < ranks; ++rank) {
    gradient += weight * (rank + 1.0) * (rows * (rank + 1.0)).cos();
  }
  return gradient;
}

/// The gradients that arrive at every rank's rows, in rank order.
at::Tensor gradients_over_ranks(int ranks, int64_t total, Backward backward) {
  const at::Tensor rows = global_rows(total);
  std::vector<at::Tensor> gradients(ranks);
  run_ranks(ranks, [&](Group& real) {
    GroupWithBackward group(real, backward);
    const Shard own = shard(total, ranks, group.rank());
    // A transposed copy and a transposed use: neither the input nor the incoming gradient is
    // contiguous.
    const at::Tensor mine = rows.slice(0, own.begin, own.end).t().contiguous().requires_grad_();
    const at::Tensor all = gather_with_grad(group, mine.t(), rows_by_rank(total, ranks));
    loss_of_rank(group.rank(), all).backward();
    gradients[group.rank()] = mine.grad().t();
  });
  return at::cat(gradients);
}

TEST(GatherWithGrad, BackwardSumsOverRanks) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    for (int64_t total : {8, 7, 3}) {  // even, uneven, and a rank without rows
      const at::Tensor expected = closed_form(global_rows(total), ranks);
      const at::Tensor got = gradients_over_ranks(ranks, total, Backward::sum);
      // A sum of at most four terms below 100: 1e-12 is ten times its rounding.
      EXPECT_LT((got - expected).abs().max().item<double>(), 1e-12) << ranks << " ranks, " << total;
    }
  }
}

TEST(GatherWithGrad, TheLawTellsKnownMistakesApart) {
  const at::Tensor expected = closed_form(global_rows(8), 2);
  for (Backward wrong : {Backward::own_slice, Backward::average}) {
    const at::Tensor got = gradients_over_ranks(2, 8, wrong);
    EXPECT_GT((got - expected).abs().max().item<double>(), 0.1);
  }
}

TEST(GatherWithGrad, EveryRankGetsAllRows) {
  run_ranks(3, [](Group& group) {
    const at::Tensor rows = global_rows(7);
    const Shard own = shard(7, 3, group.rank());
    const at::Tensor all =
        gather_with_grad(group, rows.slice(0, own.begin, own.end), rows_by_rank(7, 3));
    EXPECT_TRUE(all.equal(rows));
  });
}

TEST(GatherWithGrad, SecondDerivativesAreExactToo) {
  // d/dx of sum(g . direction) for loss = sum_k sin(g_k), twice on each of two ranks:
  // the gradient is 2 cos(x), and its product with a direction has the gradient -2 sin(x) .
  // direction, again summed over two ranks.
  const at::Tensor rows = global_rows(4);
  const at::Tensor direction = global_rows(4).cos();
  run_ranks(2, [&](Group& group) {
    const Shard own = shard(4, 2, group.rank());
    const at::Tensor mine = rows.slice(0, own.begin, own.end).clone().requires_grad_();
    const at::Tensor all = gather_with_grad(group, mine, rows_by_rank(4, 2));
    const at::Tensor first = torch::autograd::grad({all.sin().sum()}, {mine}, {}, true, true)[0];
    const at::Tensor along = direction.slice(0, own.begin, own.end);
    const at::Tensor second = torch::autograd::grad({(first * along).sum()}, {mine})[0];
    EXPECT_LT((first.detach() - 2 * mine.detach().cos()).abs().max().item<double>(), 1e-14);
    EXPECT_LT((second + 2 * mine.detach().sin() * along).abs().max().item<double>(), 1e-14);
  });
}

/// Statistics over ranks: s = sum_r x_r^2, loss_r = (r + 1) s^2; d sum_r loss_r / dx = sum_r (r +
/// 1) 4 s x.
TEST(SumWithGrad, BackwardSumsOverRanks) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const at::Tensor rows = global_rows(ranks * 2);
    const double statistic = rows.square().sum().item<double>();
    const double weights = ranks * (ranks + 1) / 2.0;
    run_ranks(ranks, [&](Group& group) {
      const at::Tensor mine = rows.narrow(0, 2 * group.rank(), 2).clone().requires_grad_();
      const at::Tensor sum = sum_with_grad(group, mine.square().sum());
      EXPECT_NEAR(sum.item<double>(), statistic, 1e-13);
      (sum.square() * (group.rank() + 1.0)).backward();
      const at::Tensor expected = mine.detach() * (4.0 * weights * statistic);
      EXPECT_LT((mine.grad() - expected).abs().max().item<double>(), 1e-11);
    });
  }
}

TEST(SumWithGrad, AnIdentityBackwardWouldFail) {
  // What a plain all_sum leaves behind autograd's back: this rank's own term alone.
  const at::Tensor rows = global_rows(4);
  const double statistic = rows.square().sum().item<double>();
  run_ranks(2, [&](Group& group) {
    const at::Tensor mine = rows.narrow(0, 2 * group.rank(), 2).clone().requires_grad_();
    const at::Tensor own = mine.square().sum();
    const at::Tensor sum = own + (group.all_sum(own.detach()) - own.detach());
    (sum.square() * (group.rank() + 1.0)).backward();
    const at::Tensor expected = mine.detach() * (4.0 * 3.0 * statistic);
    EXPECT_GT((mine.grad() - expected).abs().max().item<double>(), 0.1);
  });
}

}  // namespace
}  // namespace nearfar
