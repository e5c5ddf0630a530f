// More ranks than processes: the same bits for any number of processes, and one order per channel.
#include "distributed/hosted_ranks.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "distributed/peer_error.h"
#include "distributed/thread_group.h"

namespace nearfar {
namespace {

using namespace std::chrono_literals;

/// Ranks hosted by threads that stand for processes.
void run_hosted(int processes, int ranks, const std::function<void(Group&)>& body) {
  run_ranks(processes, [&](Group& group) { run_hosted_ranks(group, ranks, body); });
}

/// Values whose sum depends on the order of its terms.
at::Tensor uneven_values(int rank, int64_t rows) {
  const at::Tensor angles = at::arange(rows * 3, at::kFloat).mul(0.7).add(1.3 * rank);
  return (angles.sin() * angles.mul(3.7).cos().mul(8.0).exp()).view({rows, 3});
}

/// Everything that a rank gets out of every collective, as one row.
at::Tensor results_of_collectives(Group& group) {
  const int rank = group.rank();
  std::vector<int64_t> rows;
  for (int r = 0; r < group.size(); ++r) rows.push_back(r % 3);
  int64_t total = 0;
  for (const int64_t count : rows) total += count;
  at::Tensor in_background = uneven_values(rank, 5) + 0.1f;
  const auto pending = group.start_all_sum(in_background);
  std::vector<at::Tensor> results{group.all_gather(uneven_values(rank, rows[rank]), rows),
                                  group.all_sum(uneven_values(rank, 4)),
                                  group.broadcast(uneven_values(rank, 2), group.size() - 1)};
  const at::Tensor mine = group.sum_scatter(uneven_values(rank, total), rows);
  EXPECT_EQ(mine.size(0), rows[rank]);
  results.push_back(group.all_gather(mine, rows));
  pending->wait();
  results.push_back(in_background);
  group.barrier();
  return at::cat(results);
}

TEST(HostedRanks, ResultsDoNotDependOnProcessesToTheBit) {
  const std::vector<std::pair<int, std::vector<int>>> worlds{
      {4, {1, 2, 4}}, {6, {1, 2, 3, 6}}, {12, {1, 3, 4}}, {5, {1, 5}}};
  for (const auto& [ranks, all_processes] : worlds) {
    at::Tensor expected;
    for (const int processes : all_processes) {
      std::vector<at::Tensor> results(ranks);
      run_hosted(processes, ranks,
                 [&](Group& group) { results[group.rank()] = results_of_collectives(group); });
      if (!expected.defined()) expected = results[0];
      for (const at::Tensor& result : results) {
        EXPECT_TRUE(result.equal(expected)) << ranks << " ranks in " << processes << " processes";
      }
    }
  }
}

TEST(HostedRanks, AnotherOrderOfTermsIsAnotherResult) {
  // What the test above compares can tell orders apart.
  at::Tensor in_order = uneven_values(0, 4);
  for (int rank = 1; rank < 4; ++rank) in_order = in_order + uneven_values(rank, 4);
  run_ranks(4, [&](Group& group) {
    EXPECT_FALSE(group.all_sum(uneven_values(group.rank(), 4)).equal(in_order));
  });
}

TEST(HostedRanks, EveryRankOwnsItsResults) {
  run_hosted(2, 4, [](Group& group) {
    const at::Tensor mine = at::full({2}, group.rank(), at::kLong);
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::vector<at::Tensor> results{group.all_sum(mine), group.broadcast(mine, 1),
                                            group.all_gather(mine, {2, 2, 2, 2})};
      group.barrier();
      for (const at::Tensor& result : results) result.fill_(-1 - group.rank());
      group.barrier();
      EXPECT_TRUE(mine.eq(group.rank()).all().item<bool>());
      for (const at::Tensor& result : results) {
        EXPECT_TRUE(result.eq(-1 - group.rank()).all().item<bool>());
      }
    }
  });
}

TEST(HostedRanks, AThreadIsStartedOnlyForSeveralRanks) {
  run_ranks(2, [](Group& processes) {
    const auto caller = std::this_thread::get_id();
    run_hosted_ranks(processes, 2, [&](Group& group) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      EXPECT_EQ(group.rank(), processes.rank());
    });
    run_hosted_ranks(processes, 4, [&](Group&) { EXPECT_NE(std::this_thread::get_id(), caller); });
  });
}

TEST(HostedRanks, NumericThreadsAreThoseOfTheCaller) {
  const int before = at::get_num_threads();
  at::set_num_threads(before + 1);
  run_hosted(2, 4, [&](Group&) { EXPECT_EQ(at::get_num_threads(), before + 1); });
  at::set_num_threads(before);
}

TEST(HostedRanks, AStartedSumDoesNotWait) {
  run_hosted(2, 4, [](Group& group) {
    std::array<at::Tensor, 3> tensors;
    std::vector<std::unique_ptr<Pending>> pending;
    for (size_t i = 0; i < tensors.size(); ++i) {
      tensors[i] = at::full({2}, static_cast<double>(i + 1), at::kDouble);
      pending.push_back(group.start_all_sum(tensors[i]));
      // No other rank may have come yet: rank 0 starts when all others are past this point.
      if (group.rank() == 0 && i == 0) std::this_thread::sleep_for(20ms);
    }
    for (int i : {2, 0, 1}) pending[i]->wait();  // in any order
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_TRUE(tensors[i].eq(4.0 * static_cast<double>(i + 1)).all().item<bool>());
    }
  });
}

TEST(HostedRanks, ChannelsHaveAnOrderOfTheirOwn) {
  for (const int processes : {1, 2, 4}) {
    run_hosted(processes, 4, [](Group& group) {
      const std::unique_ptr<Group> channel = group.new_channel();
      EXPECT_EQ(channel->rank(), group.rank());
      for (int repeat = 0; repeat < 10; ++repeat) {
        const at::Tensor in_background = at::ones({3});
        at::Tensor sum;
        if (group.rank() % 2 == 0) {
          sum = group.all_sum(at::full({1}, 2.0));
          channel->start_all_sum(in_background)->wait();
        } else {
          const auto pending = channel->start_all_sum(in_background);
          sum = group.all_sum(at::full({1}, 2.0));
          pending->wait();
        }
        EXPECT_TRUE(in_background.eq(4.0).all().item<bool>());
        EXPECT_EQ(sum.item<double>(), 8.0);
      }
    });
  }
}

TEST(HostedRanks, ManyUnevenArrivals) {
  run_hosted(2, 6, [](Group& group) {
    const std::unique_ptr<Group> channel = group.new_channel();
    for (int repeat = 0; repeat < 60; ++repeat) {
      if ((repeat + group.rank()) % 7 == 0) std::this_thread::sleep_for(1ms);
      const at::Tensor in_background = at::full({2}, static_cast<double>(repeat), at::kDouble);
      const auto pending = channel->start_all_sum(in_background);
      EXPECT_EQ(group.all_sum(at::full({1}, group.rank() + repeat, at::kLong)).item<int64_t>(),
                15 + 6 * repeat);
      pending->wait();
      EXPECT_EQ(in_background[1].item<double>(), 6.0 * repeat);
    }
  });
}

}  // namespace
}  // namespace nearfar
