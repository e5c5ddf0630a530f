// Ranks that are small shell scripts: their output, ends, signals and restarts.
#include "tools/nearfar/launch_ranks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "framework/error.h"

namespace nearfar {
namespace {

using std::chrono::milliseconds;

struct Launched {
  int code = -1;
  std::string output, errors;
  std::vector<std::string> said;  // by the launcher
  double seconds = 0.0;
  std::vector<std::string> reported;  // to on_failure
};

/// Scripts see $rank and $attempt, and `step` for what they wait for.
LaunchPlan plan_of(int ranks, const std::string& script) {
  LaunchPlan plan;
  plan.ranks = ranks;
  plan.command = {"/bin/sh", "-c", "rank=${PLACE%.*}; attempt=${PLACE#*.}; " + script};
  plan.variable = [](int rank, int attempt) {
    return "PLACE=" + std::to_string(rank) + "." + std::to_string(attempt);
  };
  plan.grace = milliseconds(600);
  plan.patience = milliseconds(300);
  return plan;
}

/// Runs the plan; `meanwhile` runs beside it.
Launched launch(LaunchPlan plan, const std::function<void()>& meanwhile = {}) {
  Launched result;
  Log log([&](Level level, const std::string& text) {
    result.said.push_back((level == Level::error ? "error: " : "warning: ") + text);
  });
  plan.on_failure = [&](int rank, int attempt, const std::string& what) {
    result.reported.push_back(std::to_string(rank) + "." + std::to_string(attempt) + " " + what);
  };
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto begin = std::chrono::steady_clock::now();
  {
    LaunchSignals signals;
    std::thread beside;
    if (meanwhile) beside = std::thread(meanwhile);
    result.code = launch_ranks(plan, signals, log);
    if (beside.joinable()) beside.join();
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result.output = ::testing::internal::GetCapturedStdout();
  result.errors = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  return result;
}

/// Sends signals to the launcher, one after each pause.
std::function<void()> send(std::vector<int> signals, int pause_ms = 400) {
  return [signals, pause_ms] {
    for (const int signal : signals) {
      std::this_thread::sleep_for(milliseconds(pause_ms));
      kill(getpid(), signal);
    }
  };
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(LaunchRanks, OutputByRank) {
  const Launched run =
      launch(plan_of(3, "echo out $rank; echo err $rank >&2; echo \"[rank $rank] own\" >&2"));
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, "out 0\n");
  for (const std::string rank : {"0", "1", "2"}) {
    EXPECT_TRUE(contains(run.errors, "[rank " + rank + "] err " + rank + "\n")) << run.errors;
    EXPECT_TRUE(contains(run.errors, "\n[rank " + rank + "] own\n") ||
                run.errors.starts_with("[rank " + rank + "] own\n"))
        << run.errors;
    EXPECT_EQ(contains(run.errors, "[rank " + rank + "] out"), rank != "0");
  }
  EXPECT_FALSE(contains(run.errors, "] [rank"));
  EXPECT_TRUE(run.said.empty());
}

TEST(LaunchRanks, ALargeResultComesWhole) {
  const Launched run = launch(plan_of(2, "[ $rank = 0 ] && seq 1 200000"));
  EXPECT_EQ(run.output.size(), 1288895u);
  EXPECT_TRUE(run.output.ends_with("\n200000\n"));
}

TEST(LaunchRanks, EveryRankReadsTheSameInput) {
  const int file = memfd_create("input", 0);
  ASSERT_EQ(write(file, "hello\n", 6), 6);
  LaunchPlan plan = plan_of(2, "read word; echo $rank $word >&2");
  plan.input = file;
  const Launched run = launch(plan);
  close(file);
  EXPECT_TRUE(contains(run.errors, "[rank 0] 0 hello\n")) << run.errors;
  EXPECT_TRUE(contains(run.errors, "[rank 1] 1 hello\n")) << run.errors;
}

TEST(LaunchRanks, NamesTheRankThatWasKilledThoughOthersEndFirst) {
  const Launched run = launch(plan_of(
      3,
      "if [ $rank = 1 ]; then echo last words >&2; echo bye >&2; sleep 0.3; kill -9 $$; fi; "
      "echo 'error: rank 1 is gone' >&2; exit 4"));
  EXPECT_EQ(run.code, 137);
  ASSERT_EQ(run.said.size(), 2u);
  EXPECT_EQ(run.said[0], "warning: the last lines of rank 1:\n    last words\n    bye");
  EXPECT_EQ(run.said[1], "error: rank 1 of 3 was killed by signal 9 (SIGKILL)");
  EXPECT_EQ(run.reported, (std::vector<std::string>{"1.0 was killed by signal 9 (SIGKILL)"}));
}

TEST(LaunchRanks, SurvivorsHaveTimeToEndByThemselves) {
  const Launched run = launch(plan_of(
      2, "trap 'echo told' TERM; [ $rank = 1 ] && exit 3; sleep 0.3; echo by myself; exit 4"));
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.output, "by myself\n");
}

TEST(LaunchRanks, SurvivorsThatDoNotEndAreAskedAndThenKilled) {
  const Launched asked = launch(plan_of(
      2, "[ $rank = 1 ] && exit 1; trap 'echo told; exit 0' TERM; while :; do sleep 0.05; done"));
  EXPECT_EQ(asked.code, 1);
  EXPECT_EQ(asked.output, "told\n");
  EXPECT_GE(asked.seconds, 0.6);
  const Launched deaf = launch(plan_of(2, "[ $rank = 1 ] && exit 1; trap '' TERM; sleep 30"));
  EXPECT_EQ(deaf.code, 1);
  EXPECT_GE(deaf.seconds, 0.9);
  EXPECT_LT(deaf.seconds, 5.0);
}

TEST(LaunchRanks, AStoppedRankIsNamedAndKilled) {
  const Launched run = launch(plan_of(2, "[ $rank = 1 ] && kill -STOP $$; sleep 0.3; exit 4"));
  EXPECT_EQ(run.code, 4);
  ASSERT_EQ(run.said.size(), 2u);
  EXPECT_EQ(run.said[0], "warning: rank 1 of 2 was stopped by signal 19 (SIGSTOP)");
  EXPECT_TRUE(contains(run.said[1], "error: rank 1 of 2 was stopped")) << run.said[1];
  EXPECT_LT(run.seconds, 5.0);
}

TEST(LaunchRanks, StartsAgainWhileItMayHelp) {
  LaunchPlan plan =
      plan_of(2, "echo $rank.$attempt; [ $attempt = 2 ] || [ $rank = 0 ] || kill -9 $$");
  plan.max_restarts = 2;
  const Launched run = launch(plan);
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, "0.0\n0.1\n0.2\n");
  ASSERT_EQ(run.said.size(), 2u);
  EXPECT_TRUE(contains(run.said[0], "rank 1 of 2 was killed by signal 9 (SIGKILL)"));
  EXPECT_TRUE(contains(run.said[0], "restart 1 of 2"));
  EXPECT_TRUE(contains(run.said[1], "restart 2 of 2"));

  plan.max_restarts = 1;
  const Launched short_of = launch(plan);
  EXPECT_EQ(short_of.code, 137);
  EXPECT_TRUE(contains(short_of.said.back(), "error: rank 1 of 2 was killed"));
  EXPECT_TRUE(contains(short_of.said.back(), "no restart is left of 1"));
}

TEST(LaunchRanks, DoesNotStartAgainWhatTheUserMustMend) {
  LaunchPlan plan = plan_of(2, "echo $attempt; echo 'error: a.b: unknown key' >&2; exit 2");
  plan.max_restarts = 5;
  const Launched run = launch(plan);
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.output, "0\n");
  ASSERT_EQ(run.said.size(), 1u);
  EXPECT_TRUE(contains(run.said[0], "ended with exit code 2: a.b: unknown key")) << run.said[0];
}

TEST(LaunchRanks, PassesSignalsOnOnceAndDoesNotStartAgain) {
  for (const auto& [signal, name] :
       {std::pair(SIGTERM, "TERM"), std::pair(SIGINT, "INT"), std::pair(SIGUSR1, "USR1")}) {
    LaunchPlan plan = plan_of(
        2, "trap 'n=$((n+1))' " + std::string(name) +
               "; while [ -z \"$n\" ]; do sleep 0.05; done; sleep 0.2; echo saved $n >&2; exit 75");
    plan.max_restarts = 3;
    const Launched run = launch(plan, send({signal}));
    EXPECT_EQ(run.code, 75) << name;
    EXPECT_TRUE(contains(run.errors, "[rank 0] saved 1\n")) << run.errors;
    EXPECT_TRUE(contains(run.errors, "[rank 1] saved 1\n")) << run.errors;
    EXPECT_TRUE(run.said.empty()) << run.said[0];
  }
}

TEST(LaunchRanks, ASecondSignalKills) {
  const std::string deaf = "trap '' TERM INT USR1; sleep 30";
  const Launched run = launch(plan_of(2, deaf), send({SIGINT, SIGINT}));
  EXPECT_EQ(run.code, 130);
  EXPECT_LT(run.seconds, 5.0);
  EXPECT_EQ(launch(plan_of(2, deaf), send({SIGUSR1, SIGUSR1, SIGTERM}, 200)).code, 143);
}

TEST(LaunchRanks, StoppedBeforeAnythingWasSaved) {
  // Rank 1 does not take the signal and waits for the one that is gone.
  const Launched run =
      launch(plan_of(2, "[ $rank = 1 ] && trap '' TERM; sleep 30"), send({SIGTERM}));
  EXPECT_EQ(run.code, 143);
  EXPECT_LT(run.seconds, 5.0);
  EXPECT_TRUE(run.said.empty());
}

TEST(LaunchRanks, WhatRanksLeaveBehindEndsWithThem) {
  const Launched run = launch(plan_of(2, "sleep 60 & echo $! "));
  EXPECT_EQ(run.code, 0);
  EXPECT_LT(run.seconds, 5.0);
  const int left = std::stoi(run.output);
  for (int wait = 0; wait < 100 && kill(left, 0) == 0; ++wait) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_NE(kill(left, 0), 0);
}

TEST(LaunchRanks, AProgramThatIsNotThere) {
  LaunchPlan plan = plan_of(2, "");
  plan.command = {"/nonexistent/program"};
  LaunchSignals signals;
  Log log;
  EXPECT_THROW(launch_ranks(plan, signals, log), EnvironmentError);
}

}  // namespace
}  // namespace nearfar
