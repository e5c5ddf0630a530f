// Ranks say who they are, and those that run another program are named.
#include "framework/train/rank_roster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "distributed/thread_group.h"
#include "framework/error.h"
#include "nearfar/version.h"

namespace nearfar {
namespace {

RankEntry entry_of(int rank) {
  RankEntry entry;
  entry.local_rank = rank % 2;
  entry.device = "cuda:" + std::to_string(rank % 2);
  entry.recipe = "a";
  entry.settings = "b";
  return entry;
}

TEST(RankRoster, ListsAllRanksInOrder) {
  run_ranks(3, [](Group& group) {
    const std::vector<RankEntry> roster = gather_roster(group, entry_of(group.rank()));
    ASSERT_EQ(roster.size(), 3u);
    for (int rank = 0; rank < 3; ++rank) {
      const RankEntry& entry = roster[static_cast<size_t>(rank)];
      EXPECT_EQ(entry.rank, rank);
      EXPECT_EQ(entry.device, entry_of(rank).device);
      EXPECT_EQ(entry.local_rank, rank % 2);
      EXPECT_EQ(entry.process, getpid());
      EXPECT_EQ(entry.nearfar, NEARFAR_VERSION);
      EXPECT_FALSE(entry.host.empty());
      EXPECT_LT(std::abs(entry.clock_lead), 10.0);
    }
    EXPECT_NO_THROW(require_same_program(roster));
  });
}

TEST(RankRoster, SpreadIsFromTheEarliestClockToTheLatest) {
  std::vector<RankEntry> roster(3);
  roster[1].clock_lead = -2.0;
  roster[2].clock_lead = 0.5;
  EXPECT_DOUBLE_EQ(clock_spread(roster), 2.5);
}

std::string refusal(const RankEntry& second) {
  RankEntry first;
  first.host = "ant";
  first.libtorch = "2.11.0";
  try {
    require_same_program({first, second});
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "";
}

TEST(RankRoster, NamesTheRankWithAnotherProgram) {
  RankEntry second;
  second.rank = 1;
  second.host = "bee";
  second.libtorch = "2.10.0";
  EXPECT_EQ(refusal(second),
            "rank 1 of 2 (bee): expected LibTorch 2.11.0 as on rank 0 (ant), found 2.10.0");
  second.libtorch = "2.11.0";
  second.settings = "other";
  EXPECT_NE(refusal(second).find("settings"), std::string::npos);
  second.settings = "";
  EXPECT_EQ(refusal(second), "");
}

}  // namespace
}  // namespace nearfar
