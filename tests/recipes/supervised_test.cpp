// The supervised recipe: cross entropy by its definition, the start of its classifier, its
// refusals.
#include <gtest/gtest.h>

#include <cmath>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "tests/framework/encoders/module_tensors.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

TEST(Supervised, LossAndGradientFollowTheDefinition) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small =
      make_small_recipe("supervised", {"zero_start=false", "view.size=12"}, plan, group);
  const Batch batch = small_batch(plan, 0, 1, group);
  const at::Tensor features = waves({plan.batch, 32}, 0.4).requires_grad_();
  const Loss loss = small.recipe->loss({features}, batch);
  loss.value.backward();

  const at::Tensor weight = parameter(*small.recipe, "head.weight").detach();
  const at::Tensor bias = parameter(*small.recipe, "head.bias").detach();
  double mean = 0.0, right = 0.0;
  at::Tensor gradient = at::zeros_like(features);
  for (int64_t i = 0; i < plan.batch; ++i) {
    const auto label = batch.label[i].item<int64_t>();
    std::vector<double> logits;
    double sum = 0.0;
    for (int64_t c = 0; c < 3; ++c) {
      logits.push_back((weight[c] * features[i].detach()).sum().item<double>() +
                       bias[c].item<double>());
      sum += std::exp(logits.back());
    }
    mean -= std::log(std::exp(logits[label]) / sum) / plan.batch;
    right += std::max_element(logits.begin(), logits.end()) - logits.begin() == label ? 1 : 0;
    for (int64_t c = 0; c < 3; ++c) {
      const double p = std::exp(logits[c]) / sum - (c == label ? 1.0 : 0.0);
      gradient[i] += weight[c] * (p / plan.batch);
    }
  }
  // float64 throughout: a few hundred operations of 1e-16.
  EXPECT_NEAR(loss.value.item<double>(), mean, 1e-13);
  EXPECT_LT(worst_difference(features.grad(), gradient), 1e-14);
  EXPECT_EQ(loss.random_guess, std::log(3.0));
  ASSERT_EQ(loss.report.size(), 1U);
  EXPECT_NEAR(loss.report[0].second.item<double>(), right / plan.batch, 1e-6);
}

TEST(Supervised, StartsAtRandomGuessing) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small = make_small_recipe("supervised", {"view.size=12"}, plan, group);
  const Batch batch = small_batch(plan, 0, 1, group);
  *small.piece = batch.shard;
  const Loss loss = small.recipe->loss(small.recipe->embed(batch), batch);
  EXPECT_NEAR(loss.value.item<double>(), std::log(3.0), 1e-14);
}

TEST(Supervised, NeedsClasses) {
  SoloGroup group;
  const RecipePlugin& plugin = *open_recipe("supervised").plugin;
  const auto config = plugin.make_config();
  const auto make = [](int64_t size) { return make_encoder(EncoderConfig{}, 3, size, NormPlan{}); };
  DatasetInfo data;
  data.path = "photos";
  try {
    plugin.make(config.get(), nearfar::Setup{make, group, data, TrainPlan{}});
    FAIL() << "expected a DataError";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "photos: expected labels of at least two classes to learn, found 0");
  }
}

}  // namespace
}  // namespace nearfar
