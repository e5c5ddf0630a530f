// The law of ranks between real processes over Gloo, and ordered sums' bits.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sstream>

#include "distributed/hosted_ranks.h"
#include "tests/distributed/processes/rank_processes.h"
#include "tests/recipes/rank_law.h"

namespace nearfar {
namespace {

// BatchNorm over all rows; over uneven shards; in groups inside ranks; in groups that span them.
const std::vector<SmallPlan> kPlans{{.batch = 12, .norm_batch = 12},
                                    {.batch = 11, .norm_batch = 11},
                                    {.batch = 16, .norm_batch = 4},
                                    {.batch = 16, .norm_batch = 6}};

/// The worst of all plans, for this rank: loss, gradient and whose it is.
RANK_BODY(rank_law) {
  std::ostringstream answer;
  for (const SmallPlan& plan : kPlans) {
    const RankLaw law{law_subject(argument), plan, {}, {}};
    const Deviation deviation = deviation_of(law, *ranks.group, on_one_rank(law));
    answer << deviation.loss << " " << deviation.gradient << " " << deviation.parameter << "\n";
  }
  return answer.str();
}

using Case = std::tuple<std::string, int>;

class RankProcesses : public testing::TestWithParam<Case> {};

TEST_P(RankProcesses, EqualOneRank) {
  const auto& [subject, processes] = GetParam();
  const std::vector<RankEnd> ends =
      run_processes({.body = "rank_law", .ranks = processes, .argument = subject});
  ASSERT_TRUE(all_well(ends));
  for (const RankEnd& end : ends) {
    std::istringstream answer(end.answer);
    for (const SmallPlan& plan : kPlans) {
      double loss = 1.0, gradient = 1.0;
      std::string parameter;
      answer >> loss >> gradient;
      std::getline(answer, parameter);
      EXPECT_LT(loss, 1e-10) << "batch " << plan.batch;
      EXPECT_LT(gradient, 1e-10) << "batch " << plan.batch << parameter;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Gloo, RankProcesses,
                         testing::Combine(testing::Values("simclr", "supervised", "metric", "moco",
                                                          "moco_symmetric_sharded", "mocov3",
                                                          "instance_discrimination_nce",
                                                          "cpc_drawn"),
                                          testing::Values(1, 2, 4)),
                         [](const auto& info) {
                           return std::get<0>(info.param) + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

/// Parameters and buffers after a few float32 steps over four ranks, in ordered sums.
RANK_BODY(ordered_sums) {
  const SmallPlan plan{.batch = 16, .norm_batch = 16, .drop_path = 0.2, .type = at::kFloat};
  std::string bits;
  run_hosted_ranks(*ranks.group, 4, [&](Group& group) {
    SmallRecipe small = make_small_recipe("simclr", law_subject("simclr").settings, plan, group);
    std::string mine;
    for (const auto& [name, value] : train_small(small, plan, 5, 0, group)) {
      mine += name + to_answer(value);
    }
    if (group.rank() % (4 / ranks.group->size()) == 0) bits = mine;
  });
  return bits;
}

TEST(OrderedProcesses, HaveTheSameBitsInOneTwoAndFour) {
  std::string expected;
  for (const int processes : {1, 2, 4}) {
    const std::vector<RankEnd> ends = run_processes({.body = "ordered_sums", .ranks = processes});
    ASSERT_TRUE(all_well(ends));
    for (const RankEnd& end : ends) {
      if (expected.empty()) expected = end.answer;
      ASSERT_GT(end.answer.size(), 1000u);
      EXPECT_TRUE(end.answer == expected) << processes << " processes";
    }
  }
}

}  // namespace
}  // namespace nearfar
