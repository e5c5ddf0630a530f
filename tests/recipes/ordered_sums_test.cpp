// A training over the same ranks has the same bits for any number of processes that host them.
#include <gtest/gtest.h>

#include "distributed/hosted_ranks.h"
#include "distributed/thread_group.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

// float32, with BatchNorm over all ranks: sums in the forward, in the backward and of gradients.
const SmallPlan kPlan{
    .batch = 16, .norm_batch = 16, .drop_path = 0.2, .rate = 0.01, .type = at::kFloat};

NamedValues trained_on(Group& group, int64_t steps) {
  SmallRecipe small =
      make_small_recipe("simclr", {"projection.width=8", "view.size=12"}, kPlan, group);
  return train_small(small, kPlan, steps, 0, group);
}

bool same_bits(const NamedValues& a, const NamedValues& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].first != b[i].first || !a[i].second.equal(b[i].second)) return false;
  }
  return true;
}

std::vector<NamedValues> trained_on_ranks(int processes, int ranks, int64_t steps) {
  std::vector<NamedValues> values(ranks);
  run_ranks(processes, [&](Group& group) {
    run_hosted_ranks(group, ranks,
                     [&](Group& rank) { values[rank.rank()] = trained_on(rank, steps); });
  });
  return values;
}

TEST(OrderedSums, TwentyStepsHaveTheSameBitsInAnyNumberOfProcesses) {
  NamedValues expected;
  for (const int processes : {1, 2, 4}) {
    for (const NamedValues& values : trained_on_ranks(processes, 4, 20)) {
      if (expected.empty()) expected = values;
      EXPECT_TRUE(same_bits(values, expected)) << processes << " processes";
    }
  }
}

// The numbers of ranks that sum do matter: the test above does not compare what is always equal.
TEST(OrderedSums, OtherRanksHaveOtherBits) {
  const NamedValues one = trained_on_ranks(1, 1, 1)[0], two = trained_on_ranks(1, 2, 1)[0];
  EXPECT_FALSE(same_bits(one, two));
  // And they differ by the rounding of one step alone.
  EXPECT_LT(worst_difference(one, two), 1e-3);
}

}  // namespace
}  // namespace nearfar
