// Ranks hosted by several processes: an error in every process for what goes wrong in one.
#include "distributed/hosted_ranks.h"

#include <gtest/gtest.h>
#include <torch/types.h>

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

/// What it throws; empty when it does not.
std::string error_of(int processes, int ranks, const std::function<void(Group&)>& body) {
  try {
    run_hosted(processes, ranks, body);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

TEST(HostedErrors, OneChannelHasOneOrder) {
  // The same two orders on one channel are not in agreement.
  EXPECT_EQ(error_of(1, 2,
                     [](Group& group) {
                       if (group.rank() == 0) {
                         group.all_sum(at::zeros({1}));
                         group.start_all_sum(at::zeros({3}))->wait();
                       } else {
                         const auto pending = group.start_all_sum(at::zeros({3}));
                         group.all_sum(at::zeros({1}));
                         pending->wait();
                       }
                     }),
            "all_sum: rank 1: expected shape [1], got [3]");
}

TEST(HostedErrors, AFailureReleasesTheRanksOfAllProcesses) {
  for (const int processes : {1, 2, 4}) {
    std::atomic<int> released = 0;
    const std::string error = error_of(processes, 4, [&](Group& group) {
      group.set_step(12);
      group.barrier();
      if (group.rank() == 3) throw std::runtime_error("no more images");
      try {
        for (;;) group.all_sum(at::zeros({1}));
      } catch (const PeerError& seen) {
        released += std::string(seen.what()).find("no more images") != std::string::npos ? 1 : 0;
        EXPECT_NE(std::string(seen.what()).find("of step 12"), std::string::npos) << seen.what();
        throw;
      }
    });
    EXPECT_EQ(released, 3) << processes << " processes";
    EXPECT_EQ(error, "no more images") << processes << " processes";
  }
}

TEST(HostedErrors, AReasonGivenBeforehandIsWhatTheOthersHear) {
  for (const int processes : {1, 2}) {
    std::atomic<int> heard = 0;
    error_of(processes, 2, [&](Group& group) {
      if (group.rank() == 1) {
        group.report_failure("out of disk space");
        throw std::runtime_error("something else");
      }
      try {
        group.barrier();
      } catch (const PeerError& seen) {
        heard += std::string(seen.what()).find("out of disk space") != std::string::npos ? 1 : 0;
        throw;
      }
    });
    EXPECT_EQ(heard, 1) << processes << " processes";
  }
}

TEST(HostedErrors, ReturningReleasesTheRanksOfOtherProcesses) {
  EXPECT_EQ(error_of(2, 2,
                     [](Group& group) {
                       if (group.rank() == 0) group.all_sum(at::zeros({2}));
                     }),
            "all_sum of Float [2]: rank 1 has returned");
  EXPECT_EQ(error_of(2, 4,
                     [](Group& group) {
                       if (group.rank() > 1) group.barrier();
                     }),
            "barrier: rank 0 has returned");
}

TEST(HostedErrors, ARankThatDoesNotComeInTimeIsNamed) {
  const std::string error = error_of(1, 3, [](Group& group) {
    group.set_deadline(50ms);
    group.set_step(7);
    group.barrier();
    if (group.rank() == 1) {
      std::this_thread::sleep_for(300ms);
    } else {
      group.all_sum(at::zeros({1}));
    }
  });
  EXPECT_NE(error.find("of 3: all_sum of step 7: rank 1 did not come within 50 ms"),
            std::string::npos)
      << error;
}

TEST(HostedErrors, ProcessesThatDisagreeRefuseTogether) {
  const auto refusals = [](int ranks, const std::function<void(Group&)>& body) {
    std::atomic<int> refused = 0;
    const std::string error = error_of(2, ranks, [&](Group& group) {
      for (int repeat = 0; repeat < 3; ++repeat) {
        try {
          body(group);
        } catch (const std::invalid_argument&) {
          ++refused;
          if (repeat == 2) throw;
        }
        EXPECT_EQ(group.all_sum(at::ones({1})).item<double>(), ranks);  // and go on together
      }
    });
    EXPECT_EQ(refused, 3 * ranks) << error;
    return error;
  };
  EXPECT_EQ(refusals(4, [](Group& group) { group.all_sum(at::zeros({group.rank() < 2 ? 4 : 3})); }),
            "all_sum: rank 2: expected all_sum of Float [4] like rank 0, got all_sum of Float [3]");
  EXPECT_EQ(refusals(4,
                     [](Group& group) {
                       group.rank() < 2 ? group.barrier() : void(group.all_sum(at::zeros({1})));
                     }),
            "all_sum: rank 2: expected barrier like rank 0, got all_sum of Float [1]");
  EXPECT_EQ(refusals(2, [](Group& group) { group.broadcast(at::zeros({1}), group.rank()); }),
            "broadcast: rank 1: expected broadcast of Float [1] from rank 0 like rank 0, got "
            "broadcast of Float [1] from rank 1");
  // Within a process, words are as for threads; the other process hears them.
  EXPECT_EQ(
      refusals(4, [](Group& group) { group.all_sum(at::zeros({group.rank() == 3 ? 5 : 4})); }),
      "all_sum: rank 3: expected shape [4], got [5]");
  EXPECT_EQ(refusals(4,
                     [](Group& group) {
                       group.all_gather(at::zeros({group.rank() == 1 ? 3 : 2}), {2, 2, 2, 2});
                     }),
            "all_gather: rank 1: expected shape [2], got [3]");
}

TEST(HostedErrors, RefusesRanksThatProcessesCannotShare) {
  EXPECT_EQ(error_of(2, 3, [](Group&) {}),
            "hosted ranks: expected a multiple of the 2 processes, got 3");
  EXPECT_EQ(error_of(2, 0, [](Group&) {}),
            "hosted ranks: expected a multiple of the 2 processes, got 0");
}

}  // namespace
}  // namespace nearfar
