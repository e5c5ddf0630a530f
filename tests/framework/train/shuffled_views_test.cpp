// What a recipe says of shuffled views reaches the loader, and the permutation the recipe.
#include <gtest/gtest.h>

#include "distributed/thread_group.h"
#include "framework/train/miniature.h"
#include "framework/train/plan.h"
#include "framework/train/signs_of_life.h"
#include "tests/framework/train/ranked_training.h"

namespace nearfar {
namespace {

class TwoViews final : public Recipe {
 public:
  explicit TwoViews(std::vector<bool> shuffled) : shuffled_(std::move(shuffled)) {}
  std::vector<ViewPolicy> views() const override { return {{}, {}}; }
  std::vector<bool> shuffled_views() const override { return shuffled_; }
  Embeddings embed(const Batch&) override { return {}; }
  Loss loss(const Embeddings&, const Batch&) override { return {}; }
  std::shared_ptr<Encoder> encoder() const override { return nullptr; }

 private:
  std::vector<bool> shuffled_;
};

TEST(ShuffledViews, ReachTheLoader) {
  SoloGroup group;
  ResolvedRun run;
  run.config = ranked_config();
  EXPECT_EQ(loader_plan(run, group, TwoViews({false, true})).shuffled_views,
            (std::vector<bool>{false, true}));
  EXPECT_TRUE(loader_plan(run, group).shuffled_views.empty());
}

TEST(ShuffledViews, ThePermutationReachesTheRecipe) {
  SoloGroup group;
  const RunConfig config = ranked_config();
  const auto training = ranked_training(config, group);
  ViewBatch views = ranked_batch(config, 0, group);
  EXPECT_FALSE(training->make_batch(views).permutation.defined());
  for (int64_t i = 0; i < views.shard.total; ++i) views.permutation.push_back((i + 5) % 16);
  EXPECT_TRUE(training->make_batch(views).permutation.equal(at::tensor(views.permutation)));
}

// Row by row, a shuffled embedding would be compared with that of another image.
TEST(ShuffledViews, AreNotComparedWithThoseInOrder) {
  const Embeddings embeddings{at::ones({3, 2}), at::zeros({3, 2})};
  EXPECT_EQ(in_order(embeddings, TwoViews({})).size(), 2U);
  const Embeddings first = in_order(embeddings, TwoViews({false, true}));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(first[0].is_same(embeddings[0]));
}

TEST(ShuffledViews, AreSoInTheSelfTestOfRanks) {
  DatasetInfo data;
  data.channels = 3;
  SoloGroup solo;
  const Batch in_order = make_miniature_batch(TwoViews({}), data, {.batch = 7}, solo);
  EXPECT_FALSE(in_order.permutation.defined());
  for (const int ranks : {1, 2}) {
    run_ranks(ranks, [&](Group& group) {
      const Batch found = make_miniature_batch(TwoViews({false, true}), data, {.batch = 7}, group);
      const auto mine = [&](const at::Tensor& all) {
        return all.slice(0, found.shard.begin, found.shard.end);
      };
      EXPECT_TRUE(found.views[0].equal(mine(in_order.views[0])));
      EXPECT_TRUE(found.views[1].equal(mine(in_order.views[1].index_select(0, found.permutation))));
      EXPECT_FALSE(found.views[1].equal(mine(in_order.views[1])));
    });
  }
}

}  // namespace
}  // namespace nearfar
