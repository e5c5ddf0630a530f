// Gradient caching at the sizes that users train with, and what it refuses.
#include <gtest/gtest.h>

#include "framework/encoders/batch_norm.h"
#include "framework/error.h"
#include "framework/train/gradient_pass.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

const std::vector<std::string> kSettings = {"temperature=0.2", "projection.width=16"};

/// Parameters and buffers after ten float64 steps in micro-batches, against the whole batch.
double difference_after_ten_steps(const SmallPlan& plan, int64_t micro_batch) {
  SoloGroup group;
  SmallRecipe whole = make_small_recipe("simclr", kSettings, plan, group);
  SmallRecipe pieces = make_small_recipe("simclr", kSettings, plan, group);
  return worst_difference(train_small(pieces, plan, 10, micro_batch, group),
                          train_small(whole, plan, 10, 0, group));
}

TEST(MicroBatch, EqualsTheWholeBatchOfTinyWithGroupsOf64) {
  EXPECT_LT(difference_after_ten_steps({.batch = 128, .norm_batch = 64, .rate = 0.01}, 64), 1e-10);
}

TEST(MicroBatch, EqualsTheWholeBatchOfResnet18) {
  EXPECT_LT(difference_after_ten_steps(
                {.batch = 16, .norm_batch = 8, .side = 8, .encoder = "resnet18", .rate = 0.01}, 8),
            1e-10);
}

// The law can fail: other BatchNorm groups are another network.
TEST(MicroBatch, OtherGroupsAreAnotherResult) {
  SoloGroup group;
  const SmallPlan wide{.batch = 16, .norm_batch = 16}, narrow{.batch = 16, .norm_batch = 8};
  SmallRecipe a = make_small_recipe("simclr", kSettings, wide, group);
  SmallRecipe b = make_small_recipe("simclr", kSettings, narrow, group);
  EXPECT_GT(
      worst_difference(train_small(b, narrow, 3, 8, group), train_small(a, wide, 3, 0, group)),
      1e-4);
}

/// One number a row: the mean of its view times its own target and a parameter.
class TargetRecipe final : public Recipe {
 public:
  TargetRecipe() { scale_ = register_parameter("scale", at::ones({1}, at::kDouble)); }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{}}; }
  Embeddings embed(const Batch& batch) override {
    return {batch.views[0].mean({1, 2, 3}).unsqueeze(1) * batch.target * scale_};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {embeddings[0].square().sum(), 0.0, {}};
  }
  std::shared_ptr<Encoder> encoder() const override { return nullptr; }

 private:
  at::Tensor scale_;
};

TEST(MicroBatch, PiecesBringTheirOwnTargets) {
  SoloGroup group;
  TargetRecipe recipe;
  Batch batch = small_batch({.batch = 7}, 0, 1, group);
  batch.target = at::arange(1, 8, at::kDouble).unsqueeze(1);
  add_gradients(recipe, batch, {});
  const double whole = recipe.parameters()[0].grad().item<double>();
  recipe.zero_grad();
  add_gradients(recipe, batch, {.micro_batch = 3, .precision = Precision::fp32, .piece = nullptr});
  EXPECT_NEAR(recipe.parameters()[0].grad().item<double>(), whole, 1e-12 * std::abs(whole));
}

TEST(MicroBatch, PiecesThatCutGroupsAreRefusedByName) {
  SoloGroup group;
  SmallRecipe small =
      make_small_recipe("simclr", kSettings, {.batch = 16, .norm_batch = 16}, group);
  EXPECT_NO_THROW(check_micro_batch(*small.recipe, 0, 16, 16, 1));
  EXPECT_NO_THROW(check_micro_batch(*small.recipe, 16, 16, 16, 1));
  EXPECT_NO_THROW(check_micro_batch(*small.recipe, 8, 16, 4, 2));
  try {
    check_micro_batch(*small.recipe, 8, 16, 16, 1);
    FAIL() << "expected a ConfigError";
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("train.micro_batch"), std::string::npos) << text;
    EXPECT_NE(text.find("encoder.norm_batch=8"), std::string::npos) << text;
  }
  // Groups that span ranks cannot be cut at all.
  EXPECT_THROW(check_micro_batch(*small.recipe, 4, 16, 16, 2), ConfigError);
}

TEST(MicroBatch, PiecesCoverTheShard) {
  const std::vector<Shard> pieces = micro_batches({3, 13, 20}, 4);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0], (Shard{3, 7, 20}));
  EXPECT_EQ(pieces[2], (Shard{11, 13, 20}));
  EXPECT_EQ(micro_batches({3, 13, 20}, 0), (std::vector<Shard>{{3, 13, 20}}));
}

// The second embedding of a piece draws and rounds as the first one, so the gradient belongs to the
// embeddings that the loss saw.
TEST(MicroBatch, RepeatsBfloat16Exactly) {
  SoloGroup group;
  const SmallPlan plan{.batch = 8, .norm_batch = 4, .drop_path = 0.3};
  SmallRecipe small = make_small_recipe("simclr", kSettings, plan, group);
  small.recipe->to(at::kFloat);
  Batch batch = small_batch(plan, 0, 2, group);
  for (at::Tensor& view : batch.views) view = view.to(at::kFloat);
  *small.piece = batch.shard;
  const at::NoGradGuard no_grad;
  const Embeddings first = embed_in(Precision::bf16, *small.recipe, batch);
  Embeddings second;
  {
    const at::AutoGradMode with_graph(true);
    second = embed_in(Precision::bf16, *small.recipe, batch);
  }
  const Embeddings exact = embed_in(Precision::fp32, *small.recipe, batch);
  for (size_t e = 0; e < first.size(); ++e) {
    EXPECT_EQ(first[e].scalar_type(), at::kFloat);
    EXPECT_TRUE(second[e].requires_grad());
    EXPECT_TRUE(first[e].equal(second[e]));
    EXPECT_FALSE(first[e].equal(exact[e]));
  }
}

}  // namespace
}  // namespace nearfar
