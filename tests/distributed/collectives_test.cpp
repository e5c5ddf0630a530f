// Every collective between real processes over Gloo, against what one process computes.
#include <torch/types.h>

#include <stdexcept>

#include "tests/distributed/processes/collective_laws.h"
#include "tests/distributed/processes/rank_processes.h"

namespace nearfar {
namespace {

RANK_BODY(every_collective) {
  check_every_collective(*ranks.group);
  return "";
}

class OverProcesses : public testing::TestWithParam<int> {};

TEST_P(OverProcesses, EveryCollectiveInEveryType) {
  EXPECT_TRUE(all_well(run_processes({.body = "every_collective", .ranks = GetParam()})));
}
INSTANTIATE_TEST_SUITE_P(Gloo, OverProcesses, testing::Values(2, 4));

/// Sums of numbers that round, small and large.
RANK_BODY(rounding_sums) {
  std::string answer;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const int64_t count : {1, 5, 1000, 300'001}) {
      const at::Tensor mine =
          at::arange(count, at::kDouble).mul(0.37 + ranks.group->rank()).sin().to(type);
      answer += to_answer(ranks.group->all_sum(mine));
    }
  }
  return answer;
}

TEST(Gloo, SumsAreTheSameOnAllRanksToTheBit) {
  const std::vector<RankEnd> ends = run_processes({.body = "rounding_sums", .ranks = 3});
  ASSERT_TRUE(all_well(ends));
  EXPECT_GT(ends[0].answer.size(), 14U * 300'000);
  EXPECT_TRUE(ends[0].answer == ends[1].answer);
  EXPECT_TRUE(ends[0].answer == ends[2].answer);
}

/// Starts on two channels in an order that differs between ranks, with collectives in between.
RANK_BODY(channels_in_any_order) {
  Group& group = *ranks.group;
  std::vector<std::unique_ptr<Group>> channels;
  channels.push_back(group.new_channel());
  channels.push_back(group.new_channel());
  for (int round = 0; round < 5; ++round) {
    std::vector<at::Tensor> tensors{at::full({1000}, 1.0), at::full({70'000}, 10.0)};
    std::vector<std::unique_ptr<Pending>> pending(2);
    const int first = group.rank() % 2;
    pending[first] = channels[first]->start_all_sum(tensors[first]);
    const at::Tensor here = group.all_sum(at::ones({3}));
    pending[1 - first] = channels[1 - first]->start_all_sum(tensors[1 - first]);
    pending[0]->wait();
    pending[1]->wait();
    const double size = group.size();
    require(here.eq(size).all().item<bool>(), "the sum in between");
    require(tensors[0].eq(size).all().item<bool>(), "the sum of the first channel");
    require(tensors[1].eq(10 * size).all().item<bool>(), "the sum of the second channel");
  }
  return "";
}

TEST(Gloo, ChannelsHaveAnOrderOfTheirOwn) {
  EXPECT_TRUE(all_well(run_processes({.body = "channels_in_any_order", .ranks = 3})));
}

template <typename Call>
void must_refuse(const Call& call, const std::string& expected) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    require(std::string(error.what()).find(expected) != std::string::npos, error.what());
    return;
  }
  throw std::logic_error("was not refused: " + expected);
}

/// What one rank can see alone is refused alone, and nothing is sent.
RANK_BODY(misuse) {
  Group& group = *ranks.group;
  if (group.rank() == 1) {
    const at::Tensor square = at::ones({2, 2});
    must_refuse([&] { group.all_gather(square, {1, 1}); }, "rank 1 of 2: expected 1 rows");
    must_refuse([&] { group.all_gather(square, {2}); }, "expected 2 row counts, got 1");
    must_refuse([&] { group.sum_scatter(square, {2, 2}); }, "expected 4 rows");
    must_refuse([&] { group.broadcast(square, 2); }, "expected a root below 2, got 2");
    must_refuse([&] { group.all_sum(at::ones({4, 2}).t()); }, "expected a contiguous tensor");
    must_refuse([&] { group.all_sum(at::ones({2}, at::kBool)); }, "can be summed");
  }
  require(group.all_sum(at::ones({1})).item<float>() == 2.0F, "the sum afterwards");
  return "";
}

TEST(Gloo, RefusesWhatCannotBeRight) { EXPECT_TRUE(all_well(run_processes({.body = "misuse"}))); }

TEST(Join, OneRankAloneHasNoStore) {
  const Ranks alone = join({}, {});
  EXPECT_EQ(alone.group->size(), 1);
  EXPECT_EQ(alone.store, nullptr);
}

}  // namespace
}  // namespace nearfar
