// Laws of the built-in recipes beyond what check-recipe asks of any (ctest's check_recipe.NAME):
// more ranks and more shapes of batches, to 1e-10, and twenty steps that stay as they are.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "distributed/thread_group.h"
#include "framework/files/file_system.h"
#include "framework/json/json.h"
#include "tests/paths.h"
#include "tests/recipes/rank_law.h"

namespace nearfar {
namespace {

class RecipeLaw : public testing::TestWithParam<Subject> {
 protected:
  SmallRecipe make(const SmallPlan& plan, Group& group) const {
    return make_small_recipe(GetParam().name, GetParam().settings, plan, group);
  }

  /// `ranks` ranks against one, to 1e-10 of the largest gradient: float64 sums in another order.
  void expect_ranks_equal_one(const SmallPlan& plan, int ranks) const {
    const Deviation worst = deviation_of_threads({GetParam(), plan, {}, {}}, ranks);
    EXPECT_LT(worst.loss, 1e-10) << ranks << " ranks";
    EXPECT_LT(worst.gradient, 1e-10) << worst.parameter << " with " << ranks << " ranks";
  }
};

TEST_P(RecipeLaw, RanksEqualOneRankWithSynchronisedBatchNorm) {
  for (int ranks : {1, 2, 3, 4, 8}) {
    expect_ranks_equal_one({.batch = 24, .norm_batch = 24, .drop_path = 0.3}, ranks);
  }
}

TEST_P(RecipeLaw, RanksEqualOneRankWithUnevenShards) {
  for (int ranks : {2, 3, 4}) expect_ranks_equal_one({.batch = 11, .norm_batch = 11}, ranks);
  for (int ranks : {3, 8}) expect_ranks_equal_one({.batch = 13, .norm_batch = 13}, ranks);
}

TEST_P(RecipeLaw, RanksEqualOneRankWithGroupsInsideRanks) {
  for (int ranks : {2, 4, 8}) expect_ranks_equal_one({.batch = 32, .norm_batch = 4}, ranks);
  expect_ranks_equal_one({.batch = 12, .norm_batch = 4}, 3);
}

TEST_P(RecipeLaw, RanksEqualOneRankWithGroupsThatSpanRanks) {
  for (int ranks : {4, 8}) expect_ranks_equal_one({.batch = 16, .norm_batch = 8}, ranks);
  for (int ranks : {2, 3, 8}) expect_ranks_equal_one({.batch = 13, .norm_batch = 5}, ranks);
}

// 1e-10 of the largest value: float64 sums in another order, over ten steps. Groups of few rows
// make BatchNorm steep (two rows come out as 1 and -1), and a high rate makes steps amplify
// rounding.
TEST_P(RecipeLaw, MicroBatchesEqualTheWholeBatch) {
  SoloGroup group;
  for (const double drop_path : {0.0, 0.4}) {
    // Pieces of whole groups, the last one smaller.
    const SmallPlan plan{.batch = 30, .norm_batch = 8, .drop_path = drop_path, .rate = 0.01};
    SmallRecipe whole = make(plan, group), pieces = make(plan, group);
    const NamedValues expected = train_small(whole, plan, 10, 0, group);
    EXPECT_LT(worst_difference(train_small(pieces, plan, 10, 8, group), expected), 1e-10);
    SmallRecipe pairs = make(plan, group);
    EXPECT_LT(worst_difference(train_small(pairs, plan, 10, 16, group), expected), 1e-10);
  }
}

TEST_P(RecipeLaw, RanksInMicroBatchesEqualOneRankAtOnce) {
  const SmallPlan plan{.batch = 16, .norm_batch = 4, .drop_path = 0.3};
  SoloGroup solo;
  SmallRecipe whole = make(plan, solo);
  const NamedValues expected = train_small(whole, plan, 3, 0, solo);
  run_ranks(2, [&](Group& group) {
    SmallRecipe small = make(plan, group);
    EXPECT_LT(worst_difference(train_small(small, plan, 3, 4, group), expected), 1e-10);
  });
}

/// Losses of twenty steps of SGD in float64.
std::vector<double> twenty_losses(const Subject& subject) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small = make_small_recipe(subject.name, subject.settings, plan, group);
  std::vector<double> losses;
  train_small(small, plan, plan.steps, 0, group, &losses);
  return losses;
}

// The values guard against unintended change: they were written by this code
// (NEARFAR_UPDATE_GOLDEN=1), whose parts are each checked against independent references. 1e-6
// covers other summation orders of the convolutions on other processors, amplified over twenty
// steps; a changed formula moves far more.
TEST_P(RecipeLaw, TwentyStepsAreAsTheyWere) {
  std::string path = NEARFAR_SOURCE_DIR;
  path += "/tests/golden/steps/" + GetParam().label() + ".json";
  const std::vector<double> losses = twenty_losses(GetParam());
  if (std::getenv("NEARFAR_UPDATE_GOLDEN") != nullptr) {
    Json list = Json::array();
    for (const double loss : losses) list.push_back(loss);
    std::ofstream(path) << to_text(list) << "\n";
  }
  const Json expected = parse_json(read_text(path), path);
  ASSERT_EQ(expected.items().size(), losses.size());
  for (size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], expected.items()[i].as_double(), 1e-6) << "step " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, RecipeLaw, testing::ValuesIn(law_subjects()),
                         [](const auto& info) { return info.param.label(); });

}  // namespace
}  // namespace nearfar
