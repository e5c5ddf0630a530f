// The law: n ranks == 1 rank, for the loss and its gradient, with rank-distinct data and uneven
// shards.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>

#include "distributed/thread_group.h"
#include "framework/losses/nt_xent.h"
#include "tests/distributed/broken_groups.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.2;
// Sums of fewer than a hundred terms of size 1 / T: rounding stays below 1e-13.
constexpr double kTolerance = 1e-10;

at::Tensor view(int64_t rows, double phase) {
  return at::arange(rows * 5, at::kDouble).mul(1.3).add(phase).sin().view({rows, 5});
}

struct Result {
  double loss = 0.0;
  at::Tensor grad1, grad2;
};

Result on_one_rank(int64_t total) {
  SoloGroup group;
  const at::Tensor z1 = view(total, 0.0).requires_grad_(), z2 = view(total, 0.4).requires_grad_();
  const at::Tensor loss = nt_xent(group, z1, z2, kTemperature, {0, total, total});
  loss.backward();
  return {loss.item<double>(), z1.grad(), z2.grad()};
}

/// Loss and gradients as data parallelism delivers them: the mean over ranks of what each computes.
Result on_ranks(int ranks, int64_t total, Backward backward,
                const std::function<double(const Shard&)>& extra_weight) {
  std::vector<at::Tensor> losses(ranks), grad1(ranks), grad2(ranks);
  run_ranks(ranks, [&](Group& real) {
    GroupWithBackward group(real, backward);
    const int rank = group.rank();
    const Shard own = shard(total, ranks, rank);
    const auto piece = [&own](const at::Tensor& all) {
      return all.slice(0, own.begin, own.end).clone().requires_grad_();
    };
    const at::Tensor z1 = piece(view(total, 0.0)), z2 = piece(view(total, 0.4));
    const at::Tensor loss = nt_xent(group, z1, z2, kTemperature, own) * extra_weight(own);
    loss.backward();
    losses[rank] = loss.detach();
    grad1[rank] = z1.grad() / ranks;
    grad2[rank] = z2.grad() / ranks;
  });
  return {at::stack(losses).mean().item<double>(), at::cat(grad1), at::cat(grad2)};
}

double distance(const Result& a, const Result& b) {
  return std::max((a.grad1 - b.grad1).abs().max().item<double>(),
                  (a.grad2 - b.grad2).abs().max().item<double>());
}

double one(const Shard&) { return 1.0; }

TEST(NtXentRanks, AnyNumberOfRanksEqualsOne) {
  for (int64_t total : {8, 7, 3, 1}) {  // even, uneven, ranks without rows, a single pair
    const Result expected = on_one_rank(total);
    for (int ranks = 1; ranks <= 4; ++ranks) {
      const Result result = on_ranks(ranks, total, Backward::sum, one);
      EXPECT_NEAR(result.loss, expected.loss, kTolerance) << ranks << " ranks, " << total;
      EXPECT_LT(distance(result, expected), kTolerance) << ranks << " ranks, " << total;
    }
  }
}

TEST(NtXentRanks, TheLawTellsKnownMistakesApart) {
  const Result expected = on_one_rank(8);
  for (Backward wrong : {Backward::own_slice, Backward::average}) {
    const Result result = on_ranks(2, 8, wrong, one);
    EXPECT_NEAR(result.loss, expected.loss, kTolerance);  // which is why nobody notices
    EXPECT_GT(distance(result, expected), 1e-3);
  }
}

TEST(NtXentRanks, PlainLocalMeansAreWrongForUnevenShards) {
  const Result expected = on_one_rank(7);
  const auto undo_weight = [](const Shard& own) {
    return static_cast<double>(own.total) / (2.0 * static_cast<double>(own.size()));
  };
  const Result result = on_ranks(2, 7, Backward::sum, undo_weight);
  EXPECT_GT(distance(result, expected), 1e-3);
}

TEST(NtXentRanks, PiecesOfAnySizesEqualOneRank) {
  const std::vector<int64_t> rows{1, 4, 0, 3};
  const Result expected = on_one_rank(8);
  Result result{0.0, at::zeros({8, 5}, at::kDouble), at::zeros({8, 5}, at::kDouble)};
  std::vector<double> losses(4);
  run_ranks(4, [&](Group& group) {
    const std::vector<int64_t> begins{0, 1, 5, 5};
    const int64_t begin = begins[group.rank()], count = rows[group.rank()];
    const at::Tensor z1 = view(8, 0.0).narrow(0, begin, count).clone().requires_grad_();
    const at::Tensor z2 = view(8, 0.4).narrow(0, begin, count).clone().requires_grad_();
    const at::Tensor loss = nt_xent_over_rows(group, z1, z2, kTemperature, rows);
    loss.backward();
    losses[group.rank()] = loss.item<double>();
    result.grad1.narrow(0, begin, count).copy_(z1.grad() / 4);
    result.grad2.narrow(0, begin, count).copy_(z2.grad() / 4);
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
