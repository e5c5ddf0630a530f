// The law of ranks can fail: known mistakes of losses and gathers over ranks are far outside it.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/distributed/broken_groups.h"
#include "tests/distributed/broken_losses.h"
#include "tests/recipes/rank_law.h"

namespace nearfar {
namespace {

// The law holds to 1e-10; what it must tell apart is a million times as far away.
constexpr double kTolerance = 1e-10;
constexpr double kFarOutside = 1e-4;
constexpr double kTemperature = 0.5;

// Uneven on purpose: three ranks of 4, 4 and 3 rows in one BatchNorm group.
constexpr int kRanks = 3;
const SmallPlan kPlan{.batch = 11, .norm_batch = 11};

RankLaw with_loss(LossMistake mistake) {
  RankLaw law{law_subject("simclr"), kPlan, {}, {}};
  law.loss = [mistake](Group& group, const Embeddings& embeddings, const Batch& batch) {
    return plain_nt_xent(group, embeddings, kTemperature, batch.shard, mistake);
  };
  return law;
}

/// Under a loss that gathers with gradient, as published ones do: nearfar's own exchanges nothing
/// in backward.
RankLaw with_backward(Backward backward) {
  RankLaw law = with_loss(LossMistake::none);
  law.wrap = [backward](Group& group) {
    return std::make_unique<GroupWithBackward>(group, backward);
  };
  return law;
}

/// A mistake: how far it is from the law.
void expect_far_outside(const RankLaw& law, const std::string& mistake) {
  const Deviation deviation = deviation_of_threads(law, kRanks);
  std::cout << mistake << ": gradient of " << deviation.parameter << " off by "
            << deviation.gradient << " of its largest value, loss by " << deviation.loss
            << "; the law allows " << kTolerance << "\n";
  EXPECT_GT(deviation.gradient, kFarOutside);
}

TEST(RankMistakes, TheSameWithoutMistakesObeysTheLaw) {
  for (const RankLaw& law : {with_backward(Backward::sum), with_loss(LossMistake::none)}) {
    const Deviation deviation = deviation_of_threads(law, kRanks);
    EXPECT_LT(deviation.loss, kTolerance);
    EXPECT_LT(deviation.gradient, kTolerance) << deviation.parameter;
  }
}

class WrongBackward : public testing::TestWithParam<Backward> {};

TEST_P(WrongBackward, BreaksTheLaw) {
  expect_far_outside(with_backward(GetParam()), to_text(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(RankMistakes, WrongBackward,
                         testing::Values(Backward::average, Backward::own_slice, Backward::detached,
                                         Backward::identity, Backward::averaged_sums));

class WrongLoss : public testing::TestWithParam<LossMistake> {};

TEST_P(WrongLoss, BreaksTheLaw) { expect_far_outside(with_loss(GetParam()), to_text(GetParam())); }

INSTANTIATE_TEST_SUITE_P(RankMistakes, WrongLoss,
                         testing::Values(LossMistake::detached_remote_keys,
                                         LossMistake::rank_shifted_labels,
                                         LossMistake::local_means));

// Why nobody notices them in a log: the loss of these is right.
TEST(RankMistakes, MostLeaveTheLossAsItIs) {
  for (const Backward backward : {Backward::average, Backward::own_slice, Backward::identity}) {
    EXPECT_LT(deviation_of_threads(with_backward(backward), kRanks).loss, kTolerance);
  }
}

}  // namespace
}  // namespace nearfar
