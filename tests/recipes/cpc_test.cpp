// CPC as a recipe: its loss against a loop over places and candidates, its bound, what a prediction
// may know, and settings that do not fit.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "distributed/thread_group.h"
#include "framework/error.h"
#include "tests/recipes/small_recipe.h"

namespace nearfar {
namespace {

// Views of 12 pixels are 5 x 5 patches of 4.
constexpr int64_t kGrid = 5, kFirst = 1, kLast = 3;
const SmallPlan kPlan{.batch = 6, .norm_batch = 6};

std::vector<std::string> settings(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"view.size=12",   "patch=4",         "targets=6",
                               "last_step=3",    "temperature=0.5", "context.layers=2",
                               "context.width=8"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

struct Step {
  explicit Step(const std::vector<std::string>& chosen, Group& group)
      : small(make_small_recipe("cpc", chosen, kPlan, group)),
        batch(small_batch(kPlan, 1, *small.recipe, group)) {
    *small.piece = batch.shard;
    embeddings = small.recipe->embed(batch);
    loss = small.recipe->loss(embeddings, batch);
    for (const auto& [name, value] : loss.report) report[name] = value.item<double>();
  }

  SmallRecipe small;
  Batch batch;
  Embeddings embeddings;
  Loss loss;
  std::map<std::string, double> report;
};

/// Of one step ahead, from embeddings and weights, number by number.
double naive_loss(const Step& step, int64_t ahead) {
  const at::Tensor target_nPz = step.embeddings[0], context_nRCD = step.embeddings[1];
  const at::Tensor weight =
      step.small.recipe
          ->named_parameters()["predictors.predictor" + std::to_string(ahead) + ".weight"];
  double sum = 0.0;
  int64_t predictions = 0;
  for (int64_t image = 0; image < kPlan.batch; ++image) {
    for (int64_t row = 0; row + ahead < kGrid; ++row) {
      for (int64_t column = 0; column < kGrid; ++column) {
        const at::Tensor predicted_z = weight.mv(context_nRCD[image][row][column]) / 0.5;
        const double own =
            predicted_z.dot(target_nPz[image][(row + ahead) * kGrid + column]).item<double>();
        double all = 0.0;
        for (int64_t other = 0; other < kPlan.batch; ++other) {
          for (int64_t place = 0; place < kGrid * kGrid; ++place) {
            all += std::exp(predicted_z.dot(target_nPz[other][place]).item<double>());
          }
        }
        sum += std::log(all) - own;
        ++predictions;
      }
    }
  }
  return sum / static_cast<double>(predictions);
}

TEST(Cpc, LossAndBoundsAreThoseOfTheLoopOverPlacesAndCandidates) {
  const at::NoGradGuard no_grad;
  SoloGroup group;
  const Step step(settings(), group);
  ASSERT_EQ(step.embeddings[0].sizes(), (std::vector<int64_t>{6, 25, 6}));
  ASSERT_EQ(step.embeddings[1].sizes(), (std::vector<int64_t>{6, 4, 5, 32}));
  const double log_candidates = std::log(6.0 * 25.0);
  double mean = 0.0;
  for (int64_t ahead = kFirst; ahead <= kLast; ++ahead) {
    const double expected = naive_loss(step, ahead);
    EXPECT_NEAR(step.report.at("mutual_information_bound_" + std::to_string(ahead)),
                log_candidates - expected, 1e-10);
    mean += expected / 3.0;
  }
  EXPECT_NEAR(step.loss.value.item<double>(), mean, 1e-10);
  EXPECT_NEAR(step.loss.random_guess, log_candidates, 1e-12);
  EXPECT_NEAR(step.report.at("mutual_information_bound"), log_candidates - mean, 1e-10);
}

// What ranks log is the bound of the global batch, and drawn candidates are the same ones.
TEST(Cpc, BoundsAreTheSameOnAllRanks) {
  for (const char* negatives : {"negatives=0", "negatives=17"}) {
    SoloGroup solo;
    const Step alone(settings({negatives}), solo);
    run_ranks(3, [&](Group& group) {
      const Step mine(settings({negatives}), group);
      EXPECT_NEAR(mine.loss.random_guess, alone.loss.random_guess, 1e-12);
      ASSERT_EQ(mine.report.size(), alone.report.size());
      for (const auto& [name, value] : alone.report)
        EXPECT_NEAR(mine.report.at(name), value, 1e-10);
    });
  }
}

TEST(Cpc, DrawnCandidatesAreOthersAtEachStep) {
  const at::NoGradGuard no_grad;
  SoloGroup group;
  Step step(settings({"negatives=17"}), group);
  const double first = step.loss.value.item<double>();
  EXPECT_EQ(step.small.recipe->loss(step.embeddings, step.batch).value.item<double>(), first);
  EXPECT_LT(step.loss.random_guess, std::log(18.0));
  EXPECT_GT(step.loss.random_guess, std::log(17.0));
  step.batch.random = Random(kPlan.seed, 0, 2, Purpose::recipe);
  EXPECT_NE(step.small.recipe->loss(step.embeddings, step.batch).value.item<double>(), first);
}

// BatchNorm would tell a patch of all others, so it rests here.
TEST(Cpc, ContextsKnowNoPixelBelowTheirRow) {
  SoloGroup group;
  SmallRecipe small = make_small_recipe("cpc", settings(), kPlan, group);
  small.recipe->eval();
  Batch batch = small_batch(kPlan, 1, *small.recipe, group);
  *small.piece = batch.shard;
  for (int64_t row = 0; row < kGrid - kFirst; ++row) {
    at::Tensor& view = batch.views[0];
    view = view.detach().requires_grad_();
    small.recipe->embed(batch)[1].select(1, row).square().sum().backward();
    const at::Tensor by_pixel_row = view.grad().abs().amax({0, 1, 3});
    const int64_t end = 2 * row + 4;  // patches of 4 pixels begin every 2
    EXPECT_EQ(by_pixel_row.slice(0, end).max().item<double>(), 0.0) << row;
    const int64_t begin = 2 * std::max<int64_t>(row - 2, 0);  // two layers see two rows above
    EXPECT_GT(by_pixel_row.slice(0, begin, end).min().item<double>(), 0.0) << row;
  }
}

TEST(Cpc, PredictsFeaturesThemselvesWithoutAMap) {
  SoloGroup group;
  const Step step(settings({"targets=0"}), group);
  EXPECT_EQ(step.embeddings[0].sizes(), (std::vector<int64_t>{6, 25, 32}));
  const auto names = step.small.recipe->named_parameters();
  EXPECT_EQ(names["predictors.predictor1.weight"].sizes(), (std::vector<int64_t>{32, 32}));
  EXPECT_EQ(names.find("target.weight"), nullptr);
}

TEST(Cpc, EveryPredictorLearns) {
  SoloGroup group;
  Step step(settings(), group);
  step.loss.value.backward();
  for (const auto& item : step.small.recipe->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    EXPECT_GT(item.value().grad().abs().max().item<double>(), 0.0) << item.key();
  }
}

std::string refusal(const std::vector<std::string>& more) {
  SoloGroup group;
  try {
    make_small_recipe("cpc", settings(more), kPlan, group);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(Cpc, RefusesStepsAndPatchesThatViewsDoNotHave) {
  EXPECT_EQ(refusal({"last_step=5"}),
            "recipe.last_step: expected recipe.first_step (1) to 4 where views have 5 rows of "
            "patches, got 5");
  EXPECT_EQ(refusal({"first_step=4"}),
            "recipe.last_step: expected recipe.first_step (4) to 4 where views have 5 rows of "
            "patches, got 3");
  EXPECT_EQ(refusal({"patch=13"}), "recipe.patch: expected at most recipe.view.size, 12, got 13");
  EXPECT_EQ(refusal({"stride=3", "last_step=2"}), "");
}

}  // namespace
}  // namespace nearfar
