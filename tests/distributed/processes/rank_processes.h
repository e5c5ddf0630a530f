// Ranks as real processes over Gloo, for tests: a body in the test file, run once per process.
//
//     RANK_BODY(sums_ranks) {                        // Ranks& ranks, const std::string& argument
//       const at::Tensor sum = ranks.group->all_sum(at::ones({2}) * ranks.group->rank());
//       return to_answer(sum);                       // any text
//     }
//     TEST(Sums, OverProcesses) {
//       const std::vector<RankEnd> ends = run_processes({.body = "sums_ranks", .ranks = 2});
//       EXPECT_TRUE(all_well(ends));
//       EXPECT_TRUE(to_tensor(ends[1].answer, at::kFloat).equal(...));
//     }
//
// A process is this test program once more, started by posix_spawn with one compute thread, which
// runs the body instead of the tests. A test program that has such bodies links `rank_processes`
// (tests/CMakeLists.txt). A body that throws reports its failure to the other ranks, as the program
// does, and its message is in RankEnd::error. A body may stop or kill its own process.
#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "distributed/join.h"

namespace nearfar {

using RankBody = std::string (*)(Ranks& ranks, const std::string& argument);

/// Makes a body known under its name.
bool register_rank_body(const char* name, RankBody body);

#define RANK_BODY(name)                                                           \
  static std::string name(::nearfar::Ranks& ranks, const std::string& argument);  \
  static const bool name##_is_known = ::nearfar::register_rank_body(#name, name); \
  static std::string name([[maybe_unused]] ::nearfar::Ranks& ranks,               \
                          [[maybe_unused]] const std::string& argument)

struct ProcessRun {
  std::string body = {};
  int ranks = 2;
  std::string argument = {};
  std::chrono::milliseconds deadline{20'000};  // JoinOptions::deadline
  bool on_gpus = false;          // one each, over NCCL; the program must have called open_cuda()
  bool rank_0_serves = false;    // the store; else the test does
  std::set<int> absent = {};     // ranks that are never started
  std::set<int> strangers = {};  // ranks that think they belong to another run
  std::chrono::seconds patience{60};  // then what still runs is killed
};

/// How a process ended.
struct RankEnd {
  int exit_code = -1;  // 0: the body returned; 1: it threw; -1: see signal
  int signal = 0;      // SIGSTOP: it was stopped, and killed when all others had ended
  std::string answer;  // what the body returned
  std::string error;   // what it threw
  std::string output;  // what it printed
  std::chrono::milliseconds lasted{0};  // from the start of all to its end
};

/// Runs a body on `ranks` processes and waits for all of them.
std::vector<RankEnd> run_processes(const ProcessRun& run);

/// Whether every body returned; else who did not and why.
testing::AssertionResult all_well(const std::vector<RankEnd>& ends);

/// The bytes of a tensor, and a flat tensor of such bytes.
std::string to_answer(const at::Tensor& tensor);
at::Tensor to_tensor(const std::string& answer, at::ScalarType type);

}  // namespace nearfar
