// What weight decay and adaptation leave out, by update rule and by wish.
#include "framework/optimize/exclusion.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/error.h"
#include "tests/framework/optimize/small_recipe.h"

namespace nearfar {
namespace {

TEST(Exclusion, IsAsPublishedUnlessSaid) {
  EXPECT_EQ(resolve_exclude({.name = "sgd"}), "none");
  EXPECT_EQ(resolve_exclude({.name = "lars"}), "1d");
  EXPECT_EQ(resolve_exclude({.name = "adamw"}), "1d");
  EXPECT_EQ(resolve_exclude({.name = "sgd", .exclude = "1d"}), "1d");
  EXPECT_EQ(resolve_exclude({.name = "lars", .exclude = "none"}), "none");
}

TEST(Exclusion, OneDimensionalParametersDecayAndAdaptOnlyWithNone) {
  SmallRecipe recipe;
  for (const bool none : {false, true}) {
    const auto groups =
        with_exclusion(recipe.parameter_groups(), {.exclude = none ? "none" : "1d"});
    ASSERT_EQ(groups.size(), 2u);
    EXPECT_TRUE(groups[0].decay && groups[0].adapt);
    ASSERT_EQ(groups[1].parameters.front().first, "network.bias");
    EXPECT_EQ(groups[1].decay, none);
    EXPECT_EQ(groups[1].adapt, none);
  }
}

TEST(Exclusion, WhatARecipeSaysOfMatricesStays) {
  SmallRecipe recipe;
  auto groups = recipe.parameter_groups();
  groups[0].decay = false;
  EXPECT_FALSE(with_exclusion(groups, {.exclude = "none"})[0].decay);
}

TEST(Exclusion, RefusesAnotherWord) {
  EXPECT_THROW(with_exclusion({}, {.exclude = "biases"}), ConfigError);
}

}  // namespace
}  // namespace nearfar
