// Every collective between real processes over Gloo, against what one process computes.
#include <ATen/Parallel.h>
#include <torch/types.h>

#include <chrono>
#include <numeric>
#include <stdexcept>

#include "distributed/shard.h"
#include "tests/distributed/processes/rank_processes.h"

namespace nearfar {
namespace {

// Whole numbers below 256 summed over at most four ranks: exact in every type but uint8, which
// wraps around on both sides.
at::Tensor rows_of(int rank, int64_t rows, at::ScalarType type) {
  return at::arange(rows * 3, at::kLong).add(7 * rank + 1).remainder(31).view({rows, 3}).to(type);
}

void require(bool holds, const std::string& what) {
  if (!holds) throw std::logic_error("does not hold: " + what);
}

at::Tensor sum_of_all(int ranks, int64_t rows, at::ScalarType type) {
  at::Tensor sum = rows_of(0, rows, type);
  for (int rank = 1; rank < ranks; ++rank) sum = sum + rows_of(rank, rows, type);
  return sum;
}

/// All collectives in one dtype with `total` rows shared out.
void check_type(Group& group, at::ScalarType type, int64_t total) {
  const std::string name = std::string(c10::toString(type)) + " " + std::to_string(total);
  const std::vector<int64_t> rows = rows_by_rank(total, group.size());
  std::vector<at::Tensor> pieces;
  for (int rank = 0; rank < group.size(); ++rank) pieces.push_back(rows_of(rank, rows[rank], type));
  const at::Tensor gathered = group.all_gather(pieces[group.rank()], rows);
  require(gathered.equal(at::cat(pieces)), "all_gather " + name);
  const at::Tensor mine = rows_of(group.rank(), total, type);
  for (int root = 0; root < group.size(); ++root) {
    const at::Tensor roots = rows_of(root, total, type);
    require(group.broadcast(mine, root).equal(roots), "broadcast " + name);
  }
  if (type == at::kBool) return;
  const at::Tensor sum = sum_of_all(group.size(), total, type);
  require(group.all_sum(mine).equal(sum), "all_sum " + name);
  const Shard own = shard(total, group.size(), group.rank());
  require(group.sum_scatter(mine, rows).equal(sum.slice(0, own.begin, own.end)),
          "sum_scatter " + name);
  at::Tensor in_place = mine.clone();
  group.start_all_sum(in_place)->wait();
  require(in_place.equal(sum), "start_all_sum " + name);
}

RANK_BODY(every_collective) {
  Group& group = *ranks.group;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong,
                                    at::kInt, at::kByte, at::kBool}) {
    for (const int64_t total : {8, 7, 1, 0}) check_type(group, type, total);
  }
  const at::Tensor scalar = at::scalar_tensor(group.rank() + 1.0, at::kDouble);
  const int size = group.size();
  require(group.all_sum(scalar).equal(at::scalar_tensor(size * (size + 1) / 2.0, at::kDouble)),
          "all_sum of a scalar");
  require(group.broadcast(scalar, size - 1).dim() == 0, "broadcast of a scalar");
  group.barrier();
  ranks.store->add("after", 1);
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
