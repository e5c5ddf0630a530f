// Measured speeds are those of the collectives, and the same on all ranks.
#include "distributed/link_speed.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "distributed/forwarding_group.h"
#include "distributed/thread_group.h"

namespace nearfar {
namespace {

/// Sums that take their time.
class SlowSums final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  at::Tensor all_sum(const at::Tensor& mine) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return inner().all_sum(mine);
  }
};

TEST(LinkSpeed, IsThatOfTheCollectives) {
  std::vector<LinkSpeed> found(2);
  run_ranks(2, [&](Group& threads) {
    SlowSums group(threads);
    found[static_cast<size_t>(group.rank())] = measure_links(group);
  });
  EXPECT_GE(found[0].latency_seconds, 5e-3);
  EXPECT_LT(found[0].latency_seconds, 0.5);
  EXPECT_GE(found[0].sum_seconds, 5e-3);
  // Two ranks: a sum of S bytes sends S from each, a gather half of it.
  EXPECT_DOUBLE_EQ(found[0].sum_bytes_per_second,
                   static_cast<double>(found[0].bytes) / found[0].sum_seconds);
  EXPECT_DOUBLE_EQ(found[0].gather_bytes_per_second,
                   static_cast<double>(found[0].bytes) / 2 / found[0].gather_seconds);
  EXPECT_EQ(found[0].latency_seconds, found[1].latency_seconds);
  EXPECT_EQ(found[0].bytes, found[1].bytes);
  EXPECT_EQ(found[0].gather_seconds, found[1].gather_seconds);
}

TEST(LinkSpeed, WorksForOneRankAlone) {
  SoloGroup group;
  const LinkSpeed speed = measure_links(group);
  EXPECT_EQ(speed.sum_bytes_per_second, 0.0);
  EXPECT_GT(speed.bytes, 0);
}

}  // namespace
}  // namespace nearfar
