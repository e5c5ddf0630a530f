// What a recipe says of shuffled views reaches the loader, and the permutation the recipe.
#include <gtest/gtest.h>

#include "framework/train/plan.h"
#include "tests/framework/train/ranked_training.h"

namespace nearfar {
namespace {

class ShuffledRecipe final : public Recipe {
 public:
  std::vector<ViewPolicy> views() const override { return {{}, {}}; }
  std::vector<bool> shuffled_views() const override { return {false, true}; }
  Embeddings embed(const Batch&) override { return {}; }
  Loss loss(const Embeddings&, const Batch&) override { return {}; }
  std::shared_ptr<Encoder> encoder() const override { return nullptr; }
};

TEST(ShuffledViews, ReachTheLoader) {
  SoloGroup group;
  ResolvedRun run;
  run.config = ranked_config();
  EXPECT_EQ(loader_plan(run, group, ShuffledRecipe()).shuffled_views,
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

}  // namespace
}  // namespace nearfar
