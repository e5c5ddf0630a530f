// Which rank is the cause, and what follows from it.
#include "tools/nearfar/launch_verdict.h"

#include <gtest/gtest.h>

#include <csignal>

namespace nearfar {
namespace {

RankEnd exited(int rank, int code, std::vector<std::string> lines = {}) {
  RankEnd end;
  end.rank = rank;
  end.code = code;
  end.last_lines = std::move(lines);
  return end;
}

RankEnd killed(int rank, int signal) {
  RankEnd end;
  end.rank = rank;
  end.signal = signal;
  return end;
}

RankEnd ordered(RankEnd end, bool stopped = false) {
  end.ordered = true;
  end.stopped = stopped;
  return end;
}

TEST(Verdict, AllDoneOrAllStopped) {
  EXPECT_EQ(judge({exited(0, 0), exited(1, 0)}, 0).exit_code, 0);
  EXPECT_EQ(judge({exited(0, 0), exited(1, 0)}, 0).rank, -1);
  for (const int signal : {0, SIGTERM}) {
    EXPECT_EQ(judge({exited(0, 75), exited(1, 75)}, signal).exit_code, 75);
    EXPECT_EQ(judge({exited(0, 75), exited(1, 75)}, signal).rank, -1);
  }
}

TEST(Verdict, ARankThatDiedIsTheCauseThoughOthersEndedFirst) {
  const Verdict verdict =
      judge({exited(0, 4), exited(2, 4), killed(1, SIGKILL), ordered(killed(3, SIGTERM))}, 0);
  EXPECT_EQ(verdict.rank, 1);
  EXPECT_EQ(verdict.exit_code, 137);
  EXPECT_EQ(verdict.what, "was killed by signal 9 (SIGKILL)");
  EXPECT_TRUE(verdict.worth_restart);
}

TEST(Verdict, TheFirstOfTwoOwnFailures) {
  EXPECT_EQ(judge({exited(2, 1), killed(1, SIGSEGV)}, 0).rank, 2);
  EXPECT_EQ(judge({killed(1, SIGSEGV), exited(2, 1)}, 0).exit_code, 128 + SIGSEGV);
}

TEST(Verdict, AFailureAfterTheOrderToEndIsNone) {
  EXPECT_EQ(judge({exited(0, 4), ordered(exited(1, 1))}, 0).rank, 0);
}

TEST(Verdict, AStoppedRankIsTheCauseOfComplaints) {
  const Verdict verdict = judge({exited(0, 4), ordered(killed(1, SIGKILL), true)}, 0);
  EXPECT_EQ(verdict.rank, 1);
  EXPECT_EQ(verdict.exit_code, 4);
  EXPECT_TRUE(verdict.worth_restart);
  EXPECT_NE(verdict.what.find("was stopped"), std::string::npos);
  // But not of a failure of somebody's own.
  EXPECT_EQ(judge({exited(0, 3), ordered(killed(1, SIGKILL), true)}, 0).rank, 0);
}

TEST(Verdict, WhatTheUserMustMendIsNotTriedAgain) {
  for (const int code : {2, 3, 5, 6, 7}) {
    EXPECT_FALSE(judge({exited(0, code)}, 0).worth_restart) << code;
  }
  for (const int code : {1, 4, 143}) EXPECT_TRUE(judge({exited(0, code)}, 0).worth_restart) << code;
  EXPECT_FALSE(judge({killed(0, SIGKILL)}, SIGTERM).worth_restart) << "asked to stop";
}

TEST(Verdict, StoppedWithoutSaving) {
  EXPECT_EQ(judge({killed(0, SIGTERM), exited(1, 4)}, SIGTERM).exit_code, 143);
  EXPECT_EQ(judge({killed(0, SIGTERM), exited(1, 4)}, SIGTERM).rank, -1) << "nobody failed";
  EXPECT_EQ(judge({exited(0, 130), exited(1, 130)}, SIGINT).exit_code, 130);
  // The launcher killed them at the second signal.
  EXPECT_EQ(judge({ordered(killed(0, SIGKILL)), ordered(killed(1, SIGKILL))}, SIGINT).exit_code,
            130);
  // Nobody asked for it.
  EXPECT_EQ(judge({killed(0, SIGTERM)}, 0).rank, 0);
}

TEST(Verdict, SaysTheRanksOwnError) {
  const RankEnd end = exited(1, 3, {"epoch 1", "error: data.path: no such folder", "bye"});
  EXPECT_EQ(describe(end), "ended with exit code 3: data.path: no such folder");
  EXPECT_EQ(describe(exited(1, 1)), "ended with exit code 1");
  EXPECT_EQ(judge({end}, 0).last_lines, end.last_lines);
}

}  // namespace
}  // namespace nearfar
