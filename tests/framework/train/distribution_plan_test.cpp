// Plans agree with what ranks really exchange, and with numbers worked out by hand.
#include "framework/train/distribution_plan.h"

#include <gtest/gtest.h>

#include "distributed/thread_group.h"
#include "framework/error.h"
#include "tests/distributed/processes/rank_processes.h"
#include "tests/framework/train/counted_run.h"

namespace nearfar {
namespace {

Counted count_on_threads(const ResolvedRun& run, int ranks) {
  Counted counted;
  run_ranks(ranks, [&](Group& group) {
    const Counted mine = count_exchange(run, group);
    if (group.rank() == 0) counted = mine;
  });
  return counted;
}

TEST(DistributionPlan, IsWhatRanksExchange) {
  for (const std::vector<std::string>& settings :
       {std::vector<std::string>{}, {"encoder.norm_batch=4"}, {"train.wire=bf16"}}) {
    for (int ranks : {2, 4}) {
      const ResolvedRun run = small_run(16, settings);
      const DistributionPlan plan = plan_distribution(run, ranks, 8, false);
      const Counted counted = count_on_threads(run, ranks);
      EXPECT_EQ(plan.start, counted.start);
      EXPECT_EQ(plan.step, counted.step);
      EXPECT_EQ(plan.check, counted.check);
    }
  }
}

TEST(DistributionPlan, IsWhatRanksWithUnevenPiecesExchange) {
  const ResolvedRun run = small_run(18);
  const DistributionPlan plan = plan_distribution(run, 4, 8, false);
  EXPECT_EQ(plan.step, count_on_threads(run, 4).step);
  EXPECT_EQ(plan.largest_piece, 5);
  EXPECT_EQ(plan.smallest_piece, 4);
}

TEST(DistributionPlan, HasNumbersWorkedOutByHand) {
  constexpr int64_t kBatch = 16, kViews = 2, kWidth = 8, kFloat = 4;
  const ResolvedRun run = small_run(kBatch);
  const DistributionPlan plan = plan_distribution(run, 4, 2, false);
  EXPECT_EQ(plan.hosts, 2);
  // Tiny of width 4: a stem, four blocks of two convolutions, three shortcuts; then a head of two
  // layers, the first as wide as the features.
  const std::vector<int64_t> norms = {4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 32, 8};
  int64_t norm_channels = 0;
  for (const int64_t channels : norms) norm_channels += channels;

  // The embeddings of all images and views, once, then a log-sum and a weight of each in float64:
  // nothing travels on the way back.
  const int64_t gathered = kBatch * kViews * (kWidth * kFloat + 2 * 8);
  EXPECT_EQ(plan.step[Collective::all_gather], (Traffic{2, gathered}));
  EXPECT_EQ(plan.step[Collective::sum_scatter], Traffic{});
  // Every BatchNorm sums for mean and for variance, in each view, forward and backward. Then one
  // exchange of running statistics (mean, variance, groups) and one of loss and votes.
  const auto layers = static_cast<int64_t>(norms.size());
  const int64_t parameters = layers * 2 - 1 + 14;  // the last norm has no bias; weights of layers
  const int64_t sums = layers * kViews * 4 + 2;
  const int64_t summed = norm_channels * kFloat * kViews * 4 +
                         (2 * norm_channels + layers) * kFloat + 8 * (2 + parameters);
  EXPECT_EQ(plan.step[Collective::all_sum], (Traffic{sums, summed}));
  EXPECT_EQ(plan.step[Collective::barrier].calls, 0);
  EXPECT_EQ(plan.step[Collective::broadcast].calls, 0);
  // Gradients: every parameter once, each rounded up to 64 bytes.
  const int64_t gradients = plan.step[Collective::background_sum].payload;
  EXPECT_GE(gradients, plan.memory.parameters);
  EXPECT_LE(gradients, plan.memory.parameters + 60 * parameters);
  // A check: 16 bytes from each rank.
  EXPECT_EQ(plan.check[Collective::all_gather], (Traffic{1, 4 * 16}));
}

constexpr int64_t kManyImages = 1100;

ResolvedRun run_of_many() { return small_run(kManyImages, {"recipe.view.size=8"}); }

/// Calls and bytes of a step by kind.
std::string to_text(const CollectiveCounts& counts) {
  std::string text;
  for (const Collective kind : kCollectives) {
    text += std::string(name_of(kind)) + " " + std::to_string(counts[kind].calls) + " " +
            std::to_string(counts[kind].payload) + "\n";
  }
  return text;
}

RANK_BODY(step_over_gloo) { return to_text(count_exchange(run_of_many(), *ranks.group).step); }

TEST(DistributionPlan, OfManyRanksIsWhatProcessesExchangeOverGloo) {
  const DistributionPlan many = plan_distribution(run_of_many(), 1024, 8, false);
  EXPECT_EQ(many.hosts, 128);
  EXPECT_EQ(many.largest_piece, 2);
  EXPECT_EQ(many.smallest_piece, 1);
  const std::string planned = to_text(many.step);
  for (int ranks : {2, 4}) {
    const std::vector<RankEnd> ends = run_processes({.body = "step_over_gloo", .ranks = ranks});
    ASSERT_TRUE(all_well(ends));
    for (const RankEnd& end : ends) EXPECT_EQ(end.answer, planned);
  }
}

TEST(DistributionPlan, MemoryIsThatOfTheTraining) {
  const ResolvedRun run = small_run(64, {"optimizer.name=adamw"});
  const RankMemory memory = plan_distribution(run, 4, 8, false).memory;
  EXPECT_EQ(memory.gradients, memory.parameters);
  // Two moments, each laid out at multiples of 64 bytes.
  EXPECT_GE(memory.optimizer, 2 * memory.parameters);
  EXPECT_LE(memory.optimizer, 3 * memory.parameters);
  // 16 images in two views of 16 * 16 * 3 floats; workers + 2 batches.
  EXPECT_EQ(memory.batches, 3 * 16 * 2 * 16 * 16 * 3 * 4);
  EXPECT_EQ(plan_distribution(run, 4, 8, true).memory.batches, memory.batches / 3);
  EXPECT_GT(memory.buffers, 0);
  EXPECT_GT(memory.activations, 0);
}

TEST(DistributionPlan, FewerImagesStandForAll) {
  // Measured as it is, and from the least that a plan measures: two images for the memory, views of
  // eight pixels for the exchange.
  const ResolvedRun run = small_run(128, {"recipe.view.size=64", "encoder.width=8"});
  const double whole =
      static_cast<double>(plan_distribution(run, 2, 8, false, 1e9).memory.activations);
  const DistributionPlan estimated = plan_distribution(run, 2, 8, false, 1e-9);
  EXPECT_FALSE(estimated.activations_measured);
  EXPECT_NEAR(static_cast<double>(estimated.memory.activations), whole, 0.1 * whole);
  EXPECT_EQ(estimated.step, plan_distribution(run, 2, 8, false, 1e9).step);
}

std::string refusal(const ResolvedRun& run, int ranks) {
  try {
    plan_distribution(run, ranks, 8, false);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(DistributionPlan, RefusesRanksWithoutImages) {
  EXPECT_NE(refusal(small_run(16), 17).find("train.batch: expected at least one image for each"),
            std::string::npos);
  EXPECT_NE(refusal(small_run(16, {"data.drop_last=false"}, 34), 4).find("last batch"),
            std::string::npos);
  EXPECT_EQ(refusal(small_run(16, {"data.drop_last=false"}, 32), 4), "");
  // Balanced batches are whole.
  EXPECT_EQ(refusal(small_run(16,
                              {"data.drop_last=false", "data.sampler=balanced",
                               "data.classes_per_batch=4", "data.images_per_class=4"},
                              34),
                    4),
            "");
}

}  // namespace
}  // namespace nearfar
