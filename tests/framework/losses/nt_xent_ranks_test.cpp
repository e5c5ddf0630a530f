// The law: n ranks == 1 rank, for the loss and its gradient, with rank-distinct data and uneven
// shards.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/losses/nt_xent.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.2;
// Sums of fewer than a hundred terms of size 1 / T: rounding stays below 1e-13.
constexpr double kTolerance = 1e-10;

at::Tensor view(int64_t rows, double phase) {
  return at::arange(rows * 5, at::kDouble).mul(1.3).add(phase).sin().view({rows, 5});
}

std::vector<at::Tensor> views(int64_t total) { return {view(total, 0.0), view(total, 0.4)}; }

Outcome on_one_rank(int64_t total) {
  return at_once(views(total), [total](const std::vector<at::Tensor>& all) {
    SoloGroup group;
    return nt_xent(group, all[0], all[1], kTemperature, {0, total, total});
  });
}

TEST(NtXentRanks, AnyNumberOfRanksEqualsOneAndNoCollectiveRunsInBackward) {
  for (int64_t total : {8, 7, 3, 1}) {  // even, uneven, ranks without rows, a single pair
    const Outcome expected = on_one_rank(total);
    for (int ranks = 1; ranks <= 4; ++ranks) {
      const Outcome result =
          over_ranks(ranks, views(total),
                     [](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
                       return nt_xent(group, mine[0], mine[1], kTemperature, own);
                     });
      EXPECT_NEAR(result.loss, expected.loss, kTolerance) << ranks << " ranks, " << total;
      EXPECT_LT(distance(result, expected), kTolerance) << ranks << " ranks, " << total;
    }
  }
}

TEST(NtXentRanks, ManyTilesEqualOneRank) {
  const Outcome expected = on_one_rank(410);
  for (int ranks : {2, 3}) {
    const Outcome result = over_ranks(
        ranks, views(410), [](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
          return nt_xent(group, mine[0], mine[1], kTemperature, own);
        });
    EXPECT_NEAR(result.loss, expected.loss, kTolerance);
    EXPECT_LT(distance(result, expected), kTolerance);
  }
}

TEST(NtXentRanks, WeightsThatDifferByRankReachTheOtherRanksGradients) {
  const at::Tensor weight = at::arange(7, at::kDouble).sub(2.0);
  const Outcome expected = at_once(views(7), [&](const std::vector<at::Tensor>& all) {
    return naive::nt_xent(all[0], all[1], kTemperature, weight);
  });
  for (int ranks = 1; ranks <= 4; ++ranks) {
    const Outcome result = over_ranks(
        ranks, views(7), [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
          return nt_xent(group, mine[0], mine[1], kTemperature, own,
                         weight.slice(0, own.begin, own.end));
        });
    EXPECT_NEAR(result.loss, expected.loss, kTolerance);
    EXPECT_LT(distance(result, expected), kTolerance) << ranks << " ranks";
  }
}

TEST(NtXentRanks, AFactorAfterwardsIsRefusedAsRanksMayDifferInIt) {
  EXPECT_THROW(over_ranks(2, views(8),
                          [](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
                            const double factor = group.rank() == 0 ? 1.0 : 2.0;
                            return nt_xent(group, mine[0], mine[1], kTemperature, own) * factor;
                          }),
               c10::Error);
}

TEST(NtXentRanks, OnlySomeRanksNeedWantAGradient) {
  std::vector<at::Tensor> gradients(2);
  run_ranks(2, [&](Group& group) {
    const Shard own = shard(8, 2, group.rank());
    const at::Tensor z1 = view(8, 0.0).slice(0, own.begin, own.end).clone();
    const at::Tensor z2 = view(8, 0.4).slice(0, own.begin, own.end).clone();
    z1.requires_grad_(group.rank() == 1);
    const at::Tensor loss = nt_xent(group, z1, z2, kTemperature, own);
    if (group.rank() == 1) loss.backward();
    gradients[group.rank()] = z1.grad();
  });
  EXPECT_FALSE(gradients[0].defined());
  const at::Tensor expected = on_one_rank(8).gradients[0].slice(0, 4, 8);
  EXPECT_LT((gradients[1] / 2 - expected).abs().max().item<double>(), kTolerance);
}

TEST(NtXentRanks, PiecesOfAnySizesEqualOneRank) {
  const std::vector<int64_t> rows{1, 4, 0, 3};
  const Outcome expected = on_one_rank(8);
  Outcome result{0.0, {at::zeros({8, 5}, at::kDouble), at::zeros({8, 5}, at::kDouble)}};
  std::vector<double> losses(4);
  run_ranks(4, [&](Group& group) {
    const std::vector<int64_t> begins{0, 1, 5, 5};
    const int64_t begin = begins[group.rank()], count = rows[group.rank()];
    const at::Tensor z1 = view(8, 0.0).narrow(0, begin, count).clone().requires_grad_();
    const at::Tensor z2 = view(8, 0.4).narrow(0, begin, count).clone().requires_grad_();
    const at::Tensor loss = nt_xent_over_rows(group, z1, z2, kTemperature, rows);
    loss.backward();
    losses[group.rank()] = loss.item<double>();
    result.gradients[0].narrow(0, begin, count).copy_(z1.grad() / 4);
    result.gradients[1].narrow(0, begin, count).copy_(z2.grad() / 4);
  });
  EXPECT_NEAR((losses[0] + losses[1] + losses[2] + losses[3]) / 4, expected.loss, kTolerance);
  EXPECT_LT(distance(result, expected), kTolerance);
}

TEST(NtXentRanks, AShardOfAnotherRankIsRefused) {
  EXPECT_THROW(run_ranks(2,
                         [](Group& group) {
                           nt_xent(group, view(4, 0.0), view(4, 0.4), kTemperature, {0, 4, 8});
                         }),
               std::exception);
}

}  // namespace
}  // namespace nearfar
