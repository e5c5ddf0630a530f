// Collectives over NCCL: a group of one, and of all GPUs where there are more.
#include <ATen/detail/CUDAHooksInterface.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <unistd.h>

#include <csignal>

#include "distributed/c10d_group.h"
#include "distributed/peer_error.h"
#include "framework/train/device.h"
#include "tests/distributed/processes/collective_laws.h"
#include "tests/distributed/processes/rank_processes.h"

namespace nearfar {
namespace {

class GpuRanks : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_nvidia_driver()) GTEST_SKIP() << "no NVIDIA driver on this machine";
    open_cuda();
  }
  static int gpus() { return at::detail::getCUDAHooks().deviceCount(); }
};

TEST_F(GpuRanks, EveryCollectiveInAGroupOfOne) {
  const ServedStore served = serve_store(0);
  const JoinOptions options{.deadline = std::chrono::seconds(60),
                            .device = at::Device(at::kCUDA, 0),
                            .make_device_backend = cuda_backend()};
  const auto group =
      make_c10d_group(*served.store, {"test/0/", 0, 1, "rank 0"}, true, "127.0.0.1", options);
  EXPECT_EQ(group->device(), at::Device(at::kCUDA, 0));
  EXPECT_NO_THROW(check_every_collective(*group));
}

RANK_BODY(every_collective_on_gpus) {
  check_every_collective(*ranks.group);
  return "";
}

TEST_F(GpuRanks, EveryCollectiveOverAllGpus) {
  if (gpus() < 2) GTEST_SKIP() << "one GPU: NCCL cannot put two ranks on it";
  EXPECT_TRUE(all_well(
      run_processes({.body = "every_collective_on_gpus", .ranks = gpus(), .on_gpus = true})));
}

/// The host is released from a device that waits for a rank that has been killed.
RANK_BODY(loses_a_rank_on_gpus) {
  Group& group = *ranks.group;
  const at::Tensor ones = at::ones({10}, at::TensorOptions(at::kFloat).device(group.device()));
  group.set_step(3);
  group.barrier();
  group.set_deadline(std::chrono::seconds(3));
  if (group.rank() == 1) raise(SIGKILL);
  static_cast<void>(group.all_sum(ones).sum().item<float>());
  group.barrier();
  return "went on";
}

TEST_F(GpuRanks, AKilledRankIsNamed) {
  if (gpus() < 2) GTEST_SKIP() << "one GPU: NCCL cannot put two ranks on it";
  const std::vector<RankEnd> ends =
      run_processes({.body = "loses_a_rank_on_gpus", .ranks = gpus(), .on_gpus = true});
  EXPECT_NE(ends[0].error.find("of step 3: rank 1 has given no sign of life"), std::string::npos)
      << ends[0].error << ends[0].output;
}

}  // namespace
}  // namespace nearfar
