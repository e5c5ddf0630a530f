// What is counted, with and without other ranks, and what a rank without the others is given.
#include "distributed/counting_group.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <stdexcept>

#include "distributed/gather.h"
#include "distributed/texts.h"
#include "distributed/thread_group.h"

namespace nearfar {
namespace {

std::shared_ptr<CollectiveCounter> new_counter() { return std::make_shared<CollectiveCounter>(); }

/// Every collective once, some in a channel, by a rank with `rank + 1` rows of two doubles.
void take_part(Group& group) {
  std::vector<int64_t> rows;
  for (int rank = 0; rank < group.size(); ++rank) rows.push_back(rank + 1);
  const at::Tensor mine = at::ones({group.rank() + 1, 2}, at::kDouble).requires_grad_();
  gather_with_grad(group, mine, rows).sum().backward();
  group.all_sum(at::ones({5}));
  group.broadcast(at::ones({3}), 0);
  const std::unique_ptr<Group> channel = group.new_channel();
  channel->start_all_sum(at::ones({7}))->wait();
  channel->new_channel()->barrier();
}

CollectiveCounts counts_without_others(int ranks, int rank) {
  const auto counter = new_counter();
  CountingGroup group(ranks, rank, counter);
  take_part(group);
  return counter->counts();
}

TEST(CountingGroup, CountsCallsAndBytesByKind) {
  const CollectiveCounts counts = counts_without_others(3, 1);
  const int64_t gathered = (1 + 2 + 3) * 2 * 8;
  EXPECT_EQ(counts[Collective::all_gather], (Traffic{1, gathered}));
  EXPECT_EQ(counts[Collective::sum_scatter], (Traffic{1, gathered}));
  EXPECT_EQ(counts[Collective::all_sum], (Traffic{1, 20}));
  EXPECT_EQ(counts[Collective::background_sum], (Traffic{1, 28}));
  EXPECT_EQ(counts[Collective::broadcast], (Traffic{1, 12}));
  EXPECT_EQ(counts[Collective::barrier], (Traffic{1, 0}));
  EXPECT_EQ(counts.total(), (Traffic{6, 2 * gathered + 60}));
}

TEST(CountingGroup, CountsWhatRanksReallyExchange) {
  for (int ranks : {2, 4}) {
    run_ranks(ranks, [ranks](Group& threads) {
      const auto counter = new_counter();
      CountingForward group(threads, counter);
      take_part(group);
      EXPECT_EQ(counter->counts(), counts_without_others(ranks, threads.rank()));
    });
  }
}

TEST(CountingGroup, OthersAreLikeThisRank) {
  CountingGroup group(3, 1, new_counter());
  const at::Tensor mine = at::tensor({1.0, 2.0});
  EXPECT_TRUE(group.all_gather(mine, {3, 2, 1}).equal(at::tensor({1.0, 2.0, 1.0, 1.0, 2.0, 1.0})));
  EXPECT_TRUE(group.all_sum(mine).equal(at::tensor({3.0, 6.0})));
  EXPECT_TRUE(group.sum_scatter(at::arange(6.0), {3, 2, 1}).equal(at::tensor({9.0f, 12.0f})));
  EXPECT_TRUE(group.broadcast(mine, 2).equal(mine));
  EXPECT_TRUE(group.all_gather(at::ones({0, 2}), {2, 0, 1}).equal(at::zeros({3, 2})));
  EXPECT_EQ(gather_texts(group, "me"), (std::vector<std::string>{"me", "me", "me"}));
  const at::Tensor sum = mine.clone();
  group.start_all_sum(sum)->wait();
  EXPECT_TRUE(sum.equal(at::tensor({3.0, 6.0})));
}

TEST(CountingGroup, RefusesWhatNoGroupOffers) {
  EXPECT_THROW(CountingGroup(2, 2, new_counter()), std::invalid_argument);
  CountingGroup group(2, 0, new_counter());
  EXPECT_THROW(group.all_gather(at::ones({1}), {1}), std::invalid_argument);
  EXPECT_THROW(group.sum_scatter(at::ones({1}), {1, 0, 0}), std::invalid_argument);
}

TEST(CollectiveCounts, DifferenceIsWhatCameBetween) {
  CollectiveCounter counter;
  counter.count(Collective::all_sum, 10);
  const CollectiveCounts before = counter.counts();
  counter.count(Collective::all_sum, 7);
  counter.count(Collective::barrier, 0);
  const CollectiveCounts between = counter.counts() - before;
  EXPECT_EQ(between[Collective::all_sum], (Traffic{1, 7}));
  EXPECT_EQ(between.total(), (Traffic{2, 7}));
}

TEST(CollectiveCounts, BytesOnTheWireFollowTheRing) {
  EXPECT_EQ(bytes_sent(Collective::all_sum, 4096, 1024), 2 * 4 * 1023);
  EXPECT_EQ(bytes_sent(Collective::background_sum, 100, 4), 150);
  EXPECT_EQ(bytes_sent(Collective::all_gather, 100, 4), 75);
  EXPECT_EQ(bytes_sent(Collective::sum_scatter, 100, 2), 50);
  EXPECT_EQ(bytes_sent(Collective::broadcast, 100, 2), 50);
  EXPECT_EQ(bytes_sent(Collective::all_sum, 100, 1), 0);
  CollectiveCounts counts;
  counts[Collective::all_sum] = {1, 100};
  counts[Collective::all_gather] = {1, 20};
  EXPECT_EQ(bytes_sent(counts, 4), 165);
  EXPECT_EQ(bytes_leaving_host(counts, 4, 2), 165);
  EXPECT_EQ(bytes_leaving_host(counts, 4, 1), 0);
}

}  // namespace
}  // namespace nearfar
