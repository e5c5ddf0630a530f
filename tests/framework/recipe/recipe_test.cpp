// What a recipe does by default.
#include "framework/recipe/recipe.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

std::vector<std::string> names(const ParameterGroup& group) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : group.parameters) names.push_back(name);
  return names;
}

TEST(Recipe, DecaysAndAdaptsWeightsAlone) {
  SmallRecipe recipe;
  const auto groups = recipe.parameter_groups();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].name, "decayed");
  EXPECT_EQ(names(groups[0]), (std::vector<std::string>{"head", "network.conv"}));
  EXPECT_TRUE(groups[0].decay);
  EXPECT_TRUE(groups[0].adapt);
  EXPECT_EQ(groups[1].name, "plain");
  EXPECT_EQ(names(groups[1]), (std::vector<std::string>{"network.bias"}));
  EXPECT_FALSE(groups[1].decay);
  EXPECT_FALSE(groups[1].adapt);
  for (const ParameterGroup& group : groups) {
    EXPECT_FALSE(group.frozen);
    EXPECT_EQ(group.rate_scale, 1.0);
    EXPECT_FALSE(group.fixed_rate.has_value());
  }
  EXPECT_TRUE(groups[0].parameters[0].second.is_same(recipe.head));
}

TEST(Recipe, LeavesOutWhatRequiresNoGradient) {
  SmallRecipe recipe;
  recipe.network->conv.requires_grad_(false);
  const auto groups = recipe.parameter_groups();
  EXPECT_EQ(names(groups[0]), (std::vector<std::string>{"head"}));
}

/// SmallRecipe without followers: its target is a network like any other.
struct Plain : SmallRecipe {
  std::vector<Follower> followers() override { return Recipe::followers(); }
};

TEST(Recipe, FollowsNothingByDefault) {
  Plain recipe;
  EXPECT_TRUE(recipe.followers().empty());
  EXPECT_EQ(names(recipe.parameter_groups()[1]),
            (std::vector<std::string>{"network.bias", "target.bias"}));
}

}  // namespace
}  // namespace nearfar
