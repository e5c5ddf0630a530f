// Ranks that die, stop, throw, stay away or do something else: the others say which one, in which
// collective of which step, within the deadline and half of it.
#include <torch/types.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "distributed/peer_error.h"
#include "tests/distributed/processes/rank_processes.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;

// For collectives; joining has longer, since processes start at their own pace.
constexpr milliseconds kDeadline{1500};
// Half of it to look around, and a second for a machine that has other things to do.
constexpr milliseconds kInTime = kDeadline + kDeadline / 2 + milliseconds(1000);

/// Steps [first, last]; a PeerError must come in time.
void sum_steps(Group& group, int64_t first, int64_t last) {
  group.set_deadline(kDeadline);
  for (int64_t step = first; step <= last; ++step) {
    group.set_step(step);
    const auto begin = std::chrono::steady_clock::now();
    try {
      group.all_sum(at::ones({10}));
    } catch (const PeerError& error) {
      if (std::chrono::steady_clock::now() - begin < kInTime) throw;
      throw std::logic_error(std::string("late: ") + error.what());
    }
  }
}

/// Rank 1 meets its fate in step 3, named by the argument; the others wait for it.
RANK_BODY(meets_its_fate) {
  Group& group = *ranks.group;
  sum_steps(group, 1, 2);
  group.set_step(3);
  if (group.rank() == 1) {
    if (argument == "killed") raise(SIGKILL);
    if (argument == "stopped") raise(SIGSTOP);
    if (argument == "throws") throw std::runtime_error("the disk is full\nand more");
    if (argument == "returns") return "early";
    if (argument == "busy") std::this_thread::sleep_for(2 * kDeadline);
    if (argument == "elsewhere") group.broadcast(at::ones({10}), 1);
    if (argument == "other shape") group.all_sum(at::ones({11}));
  }
  sum_steps(group, 3, 3);
  return "went on";
}

std::vector<RankEnd> run_with(const std::string& fate, int count) {
  return run_processes({.body = "meets_its_fate", .ranks = count, .argument = fate});
}

/// Every rank but rank 1 says this, after who it is.
void expect_all_say(const std::vector<RankEnd>& ends, const std::string& what) {
  for (size_t rank = 0; rank < ends.size(); ++rank) {
    if (rank == 1) continue;
    const RankEnd& end = ends[rank];
    EXPECT_EQ(end.exit_code, 1) << "rank " << rank << ": " << end.answer << end.output;
    const std::string who =
        "rank " + std::to_string(rank) + " of " + std::to_string(ends.size()) + ": ";
    EXPECT_EQ(end.error.substr(0, who.size()), who);
    EXPECT_NE(end.error.find(what), std::string::npos) << end.error;
  }
}

TEST(Fault, AKilledRankIsNamed) {
  const std::vector<RankEnd> ends = run_with("killed", 3);
  EXPECT_EQ(ends[1].signal, SIGKILL);
  expect_all_say(ends, "all_sum of step 3: rank 1 has given no sign of life for ");
}

TEST(Fault, AStoppedRankIsNamed) {
  const std::vector<RankEnd> ends = run_with("stopped", 3);
  EXPECT_EQ(ends[1].signal, SIGSTOP);
  expect_all_say(ends, "all_sum of step 3: rank 1 has given no sign of life for ");
}

TEST(Fault, ARankThatThrowsTellsWhy) {
  const std::vector<RankEnd> ends = run_with("throws", 3);
  EXPECT_EQ(ends[1].exit_code, 1);
  expect_all_say(ends, "all_sum of step 3: rank 1 has failed: the disk is full");
  EXPECT_EQ(ends[0].error.find("and more"), std::string::npos);
}

TEST(Fault, ARankThatEndsEarlyIsNamed) {
  const std::vector<RankEnd> ends = run_with("returns", 2);
  EXPECT_EQ(ends[1].exit_code, 0);
  expect_all_say(ends, "all_sum of step 3: rank 1 has ended at step 3");
}

TEST(Fault, ABusyRankIsSaidToBeAlive) {
  expect_all_say(run_with("busy", 2),
                 "all_sum of step 3: rank 1 is alive but in no collective of step 3");
}

TEST(Fault, ARankInAnotherCollectiveIsNamed) {
  const std::vector<RankEnd> ends = run_with("elsewhere", 2);
  expect_all_say(ends, "all_sum of step 3: rank 1 is alive but in broadcast of step 3");
  EXPECT_NE(ends[1].error.find("rank 1 of 2: broadcast of step 3: rank 0 is alive but in all_sum"),
            std::string::npos)
      << ends[1].error << ends[1].output;
}

TEST(Fault, AnotherShapeIsNamed) {
  const std::vector<RankEnd> ends = run_with("other shape", 2);
  expect_all_say(ends, "rank 1 is alive but in all_sum (Float [11], here Float [10]) of step 3");
}

/// The collective that fails is on another channel and was started long before.
RANK_BODY(dies_before_a_started_sum) {
  const auto channel = ranks.group->new_channel();
  sum_steps(*ranks.group, 1, 4);
  at::Tensor tensor = at::ones({1000});
  if (ranks.group->rank() == 1) raise(SIGKILL);
  const auto pending = channel->start_all_sum(tensor);
  pending->wait();
  return "went on";
}

TEST(Fault, AStartedSumFailsWhenItIsWaitedFor) {
  expect_all_say(run_processes({.body = "dies_before_a_started_sum"}),
                 "all_sum of step 4: rank 1 has given no sign of life for ");
}

/// A sum that was started and will never be waited for does not hold the rank that throws.
RANK_BODY(throws_with_a_sum_under_way) {
  const auto channel = ranks.group->new_channel();
  ranks.group->all_sum(at::ones({1}));
  at::Tensor tensor = at::ones({1000});
  if (ranks.group->rank() == 1) {
    const auto pending = channel->start_all_sum(tensor);
    throw std::runtime_error("out of memory");
  }
  sum_steps(*ranks.group, 2, 2);
  return "went on";
}

TEST(Fault, AThrowingRankDoesNotWaitForWhatItStarted) {
  const std::vector<RankEnd> ends = run_processes({.body = "throws_with_a_sum_under_way"});
  expect_all_say(ends, "all_sum of step 2: rank 1 has failed: out of memory");
  EXPECT_LT(ends[1].lasted, milliseconds(10'000));  // joining gave it 20
}

/// Rank 0 serves the store here: rank 1 tells.
RANK_BODY(loses_its_store) {
  sum_steps(*ranks.group, 1, 2);
  if (ranks.group->rank() == 0) raise(argument == "killed" ? SIGKILL : SIGSTOP);
  sum_steps(*ranks.group, 3, 3);
  return "went on";
}

TEST(Fault, AServerThatGoesIsNamed) {
  for (const std::string fate : {"killed", "stopped"}) {
    const std::vector<RankEnd> ends =
        run_processes({.body = "loses_its_store", .argument = fate, .rank_0_serves = true});
    EXPECT_NE(ends[1].error.find("rank 1 of 2: all_sum of step 3: rank 0, which serves the store"),
              std::string::npos)
        << ends[1].error << ends[1].output;
    EXPECT_NE(ends[1].error.find("127.0.0.1:"), std::string::npos) << ends[1].error;
    EXPECT_EQ(ends[1].error.find("late"), std::string::npos) << ends[1].error;
    EXPECT_LT(ends[1].lasted, milliseconds(6000));  // leaving does not wait for the store
  }
}

RANK_BODY(joins) {
  ranks.group->all_sum(at::ones({1}));
  return "joined";
}

/// Rank 0 is done long before the others: it stays while they need its store.
RANK_BODY(rank_0_is_done_first) {
  ranks.group->all_sum(at::ones({1}));
  if (ranks.group->rank() == 0) return "";
  std::this_thread::sleep_for(milliseconds(500));
  ranks.store->set("late", "text");
  return ranks.store->find("late").value();
}

TEST(Join, WhoServesTheStoreLeavesLast) {
  const std::vector<RankEnd> ends =
      run_processes({.body = "rank_0_is_done_first", .ranks = 3, .rank_0_serves = true});
  EXPECT_TRUE(all_well(ends));
  EXPECT_EQ(ends[2].answer, "text");
}

TEST(Join, RanksThatDoNotComeAreNamed) {
  const std::vector<RankEnd> ends = run_processes({.body = "joins",
                                                   .ranks = 4,
                                                   .deadline = milliseconds(2000),
                                                   .rank_0_serves = true,
                                                   .absent = {1, 3}});
  EXPECT_EQ(ends[0].error, "rank 0 of 4: joining: ranks 1, 3 did not come within 2 s");
  EXPECT_FALSE(ends[2].error.empty());
}

TEST(Join, RanksOfAnotherRunAreRefused) {
  const std::vector<RankEnd> ends = run_processes(
      {.body = "joins", .deadline = kDeadline, .rank_0_serves = true, .strangers = {1}});
  EXPECT_NE(ends[1].error.find("belongs to run 'test', this rank to run 'another'"),
            std::string::npos)
      << ends[1].error;
  EXPECT_EQ(ends[0].error, "rank 0 of 2: joining: rank 1 did not come within 1.5 s");
}

}  // namespace
}  // namespace nearfar
