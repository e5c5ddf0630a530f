// MoCo v3 against its definition: who predicts whose key, what follows at which momentum, what is
// frozen.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "framework/error.h"
#include "tests/framework/encoders/module_tensors.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

using Texts = std::vector<std::string>;

Texts settings(const Texts& more = {}) {
  Texts all{"temperature=0.3", "projection.hidden=7", "projection.width=5", "predictor.hidden=6",
            "view.size=12"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Chen et al. 2021, algorithm 1: 2 T times the cross entropy of the diagonal.
at::Tensor ctr(const at::Tensor& queries, const at::Tensor& keys, double temperature) {
  const auto unit = [](const at::Tensor& rows) { return rows / rows.norm(2, 1, true); };
  const at::Tensor logits = unit(queries).mm(unit(keys).t()) / temperature;
  return 2.0 * temperature * at::cross_entropy_loss(logits, at::arange(queries.size(0)));
}

TEST(MocoV3, LossAndGradientFollowTheDefinition) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small = make_small_recipe("mocov3", settings(), plan, group);
  Embeddings found, expected;
  for (int64_t e = 0; e < 4; ++e) {
    found.push_back(waves({plan.batch, 5}, static_cast<double>(e)).requires_grad_(e < 2));
    expected.push_back(found.back().detach().clone().requires_grad_(e < 2));
  }
  const Loss loss = small.recipe->loss(found, small_batch(plan, 0, *small.recipe, group));
  const at::Tensor value = ctr(expected[0], expected[3], 0.3) + ctr(expected[1], expected[2], 0.3);
  loss.value.backward();
  value.backward();
  // float64 throughout: a few hundred operations of 1e-16.
  EXPECT_NEAR(loss.value.item<double>(), value.item<double>(), 1e-13);
  for (size_t e : {0, 1}) EXPECT_LT(worst_difference(found[e].grad(), expected[e].grad()), 1e-13);
  EXPECT_EQ(loss.random_guess, 4.0 * 0.3 * std::log(12.0));
}

TEST(MocoV3, HeadsAreThoseOfTheReleasedCode) {
  SoloGroup group;
  const SmallRecipe small = make_small_recipe("mocov3", settings(), {}, group);
  Texts heads;
  for (const std::string& name : small.recipe->named_parameters().keys()) {
    if (!name.starts_with("encoders.query.encoder.") && !name.starts_with("encoders.key.")) {
      heads.push_back(name);
    }
  }
  // The last BatchNorm of the projection has neither scale nor shift, the predictor has none.
  EXPECT_EQ(heads,
            (Texts{"encoders.query.projection.linear1.weight",
                   "encoders.query.projection.bn1.weight", "encoders.query.projection.bn1.bias",
                   "encoders.query.projection.linear2.weight", "predictor.linear1.weight",
                   "predictor.bn1.weight", "predictor.bn1.bias", "predictor.linear2.weight"}));
  const Texts buffers = small.recipe->named_buffers().keys();
  const auto holds = [&buffers](const std::string& name) {
    return std::find(buffers.begin(), buffers.end(), name) != buffers.end();
  };
  EXPECT_TRUE(holds("encoders.query.projection.bn2.running_mean"));
  EXPECT_FALSE(holds("predictor.bn2.running_mean"));
  EXPECT_EQ(parameter(*small.recipe, "predictor.linear2.weight").sizes(),
            (std::vector<int64_t>{5, 6}));
}

TEST(MocoV3, OnlyQueriesArePredicted) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small = make_small_recipe("mocov3", settings(), plan, group);
  const Batch batch = small_batch(plan, 0, *small.recipe, group);
  *small.piece = batch.shard;
  const Embeddings before = small.recipe->embed(batch);
  {
    const at::NoGradGuard no_grad;
    parameter(*small.recipe, "predictor.linear2.weight").zero_();
  }
  const Embeddings after = small.recipe->embed(batch);
  ASSERT_EQ(after.size(), 4U);
  for (size_t e : {0, 1}) {
    EXPECT_TRUE(after[e].requires_grad());
    EXPECT_EQ(after[e].abs().max().item<double>(), 0.0);
  }
  for (size_t e : {2, 3}) {
    EXPECT_FALSE(after[e].requires_grad());
    EXPECT_TRUE(after[e].equal(before[e]));
  }
}

TEST(MocoV3, TheMomentumGoesFromItsStartToOneOnACosine) {
  SoloGroup group;
  const std::string query = "encoders.query.encoder.conv1.weight",
                    key = "encoders.key.encoder.conv1.weight";
  const SmallPlan plan{.steps = 4, .rate = 0.01};
  at::Tensor expected;
  for (int64_t steps = 0; steps <= plan.steps; ++steps) {
    SmallRecipe small = make_small_recipe("mocov3", settings({"momentum.start=0.6"}), plan, group);
    train_small(small, plan, steps, 0, group);
    const at::Tensor online = parameter(*small.recipe, query).detach();
    if (steps == 0) {
      expected = online.clone();
    } else {
      const double share = static_cast<double>(steps - 1) / static_cast<double>(plan.steps);
      const double momentum = 1.0 - 0.4 * (std::cos(std::numbers::pi * share) + 1.0) / 2.0;
      expected = momentum * expected + (1.0 - momentum) * online;
    }
    EXPECT_LT(worst_difference(parameter(*small.recipe, key), expected), 1e-14) << steps;
  }
}

TEST(MocoV3, ThePredictorIsAsWideAsTheKeys) {
  SoloGroup group;
  try {
    make_small_recipe("mocov3", settings({"predictor.width=6"}), {}, group);
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "recipe.predictor.width: expected 0 or recipe.projection.width, 5, got 6");
  }
}

/// How far the patch embedding of queries and of keys moved in three steps, and the first block.
std::vector<double> moved(const Texts& more) {
  SoloGroup group;
  const SmallPlan plan{
      .batch = 4, .norm_batch = 4, .side = 32, .encoder = "vit_tiny_patch16_224", .rate = 0.1};
  Texts all = settings(more);
  all.push_back("view.size=32");
  SmallRecipe small = make_small_recipe("mocov3", all, plan, group);
  std::vector<at::Tensor> before;
  const Texts names{"encoders.query.encoder.patch_embed.proj.weight",
                    "encoders.query.encoder.patch_embed.proj.bias",
                    "encoders.key.encoder.patch_embed.proj.weight",
                    "encoders.query.encoder.blocks.0.mlp.fc1.weight"};
  for (const std::string& name : names) {
    before.push_back(parameter(*small.recipe, name).detach().clone());
  }
  train_small(small, plan, 3, 0, group);
  std::vector<double> distances;
  for (size_t i = 0; i < names.size(); ++i) {
    distances.push_back(worst_difference(parameter(*small.recipe, names[i]).detach(), before[i]));
  }
  return distances;
}

TEST(MocoV3, AFrozenPatchEmbeddingNeverMoves) {
  const std::vector<double> frozen = moved({}), learned = moved({"freeze_patch_embedding=false"});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(frozen[i], 0.0);
    EXPECT_GT(learned[i], 0.0);
  }
  EXPECT_GT(frozen[3], 0.0);
}

}  // namespace
}  // namespace nearfar
