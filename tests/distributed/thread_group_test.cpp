// Ranks as threads: values and order of every collective, and an error in place of every deadlock.
#include "distributed/thread_group.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace nearfar {
namespace {

at::Tensor rows_of(int rank, int64_t rows) {
  return at::arange(rows * 2, at::kDouble).view({rows, 2}) + 100.0 * rank;
}

/// What run_ranks throws; empty when it does not.
template <typename Body>
std::string error_of(int ranks, const Body& body) {
  try {
    run_ranks(ranks, body);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST(ThreadGroup, GathersRowsInRankOrder) {
  std::atomic<int> right = 0;
  run_ranks(3, [&](Group& group) {
    const std::vector<int64_t> rows{2, 0, 3};
    const at::Tensor all = group.all_gather(rows_of(group.rank(), rows[group.rank()]), rows);
    right += all.equal(at::cat({rows_of(0, 2), rows_of(1, 0), rows_of(2, 3)})) ? 1 : 0;
  });
  EXPECT_EQ(right, 3);
}

TEST(ThreadGroup, SumsPairsOfNeighboursToTheBit) {
  // ((1e16 + 1) + (-1e16 + 3)) + 1 is 5 in doubles; the order of ranks gives 4.
  const std::vector<double> values{1e16, 1.0, -1e16, 3.0, 1.0};
  ASSERT_NE(1e16 + 1.0 - 1e16 + 3.0 + 1.0, (1e16 + 1.0) + (-1e16 + 3.0) + 1.0);
  const at::Tensor expected = at::full({2}, (1e16 + 1.0) + (-1e16 + 3.0) + 1.0, at::kDouble);
  std::atomic<int> right = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    run_ranks(5, [&](Group& group) {
      const at::Tensor mine = at::full({2}, values[group.rank()], at::kDouble);
      right += group.all_sum(mine).equal(expected) ? 1 : 0;
    });
  }
  EXPECT_EQ(right, 100);
}

TEST(ThreadGroup, ScattersTheSumOfAllRows) {
  std::atomic<int> right = 0;
  run_ranks(3, [&](Group& group) {
    const std::vector<int64_t> rows{2, 1, 2};
    const at::Tensor sum = rows_of(0, 5) + rows_of(1, 5) + rows_of(2, 5);
    const std::vector<int64_t> begin{0, 2, 3};
    const at::Tensor mine = group.sum_scatter(rows_of(group.rank(), 5), rows);
    right += mine.equal(sum.narrow(0, begin[group.rank()], rows[group.rank()])) ? 1 : 0;
  });
  EXPECT_EQ(right, 3);
}

TEST(ThreadGroup, BroadcastsTheRootsValues) {
  std::atomic<int> right = 0;
  run_ranks(4, [&](Group& group) {
    right += group.broadcast(rows_of(group.rank(), 2), 2).equal(rows_of(2, 2)) ? 1 : 0;
  });
  EXPECT_EQ(right, 4);
}

TEST(ThreadGroup, BarrierWaitsForAll) {
  std::atomic<int> before = 0;
  std::atomic<int> right = 0;
  run_ranks(4, [&](Group& group) {
    ++before;
    group.barrier();
    right += before == 4 ? 1 : 0;
  });
  EXPECT_EQ(right, 4);
}

TEST(ThreadGroup, AFailingRankReleasesTheOthers) {
  std::string seen_by_0;
  const std::string error = error_of(2, [&](Group& group) {
    if (group.rank() == 1) throw std::runtime_error("no more images");
    try {
      group.all_sum(at::zeros({1}));
    } catch (const std::exception& released) {
      seen_by_0 = released.what();
      throw;
    }
  });
  EXPECT_EQ(error, "no more images");
  EXPECT_EQ(seen_by_0, "rank 0 of 2: all_sum: rank 1 has failed: no more images");
}

TEST(ThreadGroup, AReturningRankReleasesTheOthers) {
  const std::string error = error_of(3, [](Group& group) {
    if (group.rank() != 2) group.barrier();
  });
  EXPECT_NE(error.find("of 3: barrier: rank 2 has returned"), std::string::npos) << error;
}

TEST(ThreadGroup, UnequalContributionsAreErrorsThatNameRankAndCollective) {
  EXPECT_EQ(
      error_of(3, [](Group& group) { group.all_sum(at::zeros({group.rank() == 2 ? 3 : 4})); }),
      "all_sum: rank 2: expected shape [4], got [3]");
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       group.all_gather(at::zeros({2, 5}), {2, 3});
                     }),
            "all_gather: rank 1: expected shape [3, 5], got [2, 5]");
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       group.sum_scatter(at::zeros({4}), {2, 3});
                     }),
            "sum_scatter: rank 0: expected shape [5], got [4]");
  EXPECT_EQ(error_of(2, [](Group& group) { group.all_gather(at::zeros({2}), {2}); }),
            "all_gather: rank 0: expected 2 row counts, got 1");
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       const int64_t rows = group.rank() + 1;
                       group.all_gather(at::zeros({rows}), {rows, rows});
                     }),
            "all_gather: rank 1: expected rows [1, 1], got [2, 2]");
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       group.all_sum(at::zeros({1}, group.rank() ? at::kDouble : at::kFloat));
                     }),
            "all_sum: rank 1: expected Float, got Double");
  EXPECT_EQ(error_of(2, [](Group& group) { group.broadcast(at::zeros({1}), group.rank()); }),
            "broadcast: rank 1: expected root 0, got 1");
  EXPECT_EQ(error_of(2, [](Group& group) { group.broadcast(at::zeros({1}), 2); }),
            "broadcast: rank 0: expected a root below 2, got 2");
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       group.all_sum(at::zeros({2, 3}).t());
                     }),
            "all_sum: rank 0: expected a contiguous tensor, got strides [1, 3]");
}

TEST(ThreadGroup, DifferentCollectivesAreAnError) {
  EXPECT_EQ(error_of(2,
                     [](Group& group) {
                       group.rank() == 0 ? group.barrier() : void(group.all_sum(at::zeros({1})));
                     }),
            "all_sum: rank 1: expected barrier like rank 0, got all_sum");
}

TEST(ThreadGroup, GoesOnAfterAnErrorThatAllRanksCaught) {
  std::atomic<int> right = 0;
  run_ranks(3, [&](Group& group) {
    for (int repeat = 0; repeat < 50; ++repeat) {
      EXPECT_THROW(group.all_sum(at::zeros({group.rank() + 1})), std::invalid_argument);
      right += group.all_sum(at::ones({1})).item<double>() == 3.0 ? 1 : 0;
    }
  });
  EXPECT_EQ(right, 150);
}

TEST(ThreadGroup, RefusesNoRanks) {
  EXPECT_THROW(run_ranks(0, [](Group&) {}), std::invalid_argument);
}

TEST(SoloGroup, IsTheIdentityAndChecksItsRows) {
  SoloGroup group;
  const at::Tensor mine = rows_of(0, 3);
  EXPECT_TRUE(group.all_gather(mine, {3}).equal(mine));
  EXPECT_TRUE(group.sum_scatter(mine, {3}).equal(mine));
  EXPECT_TRUE(group.all_sum(mine).equal(mine));
  EXPECT_TRUE(group.broadcast(mine, 0).equal(mine));
  EXPECT_THROW(group.all_gather(mine, {2}), std::invalid_argument);
  EXPECT_THROW(group.sum_scatter(mine, {2, 1}), std::invalid_argument);
  EXPECT_THROW(group.broadcast(mine, 1), std::invalid_argument);
}

}  // namespace
}  // namespace nearfar
