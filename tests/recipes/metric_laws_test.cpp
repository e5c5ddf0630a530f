// Every loss and every miner of the metric recipe: over ranks, in micro-batches, and that it
// learns; laws_test holds two of them to more shapes of batches.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/encoders/module_tensors.h"
#include "tests/recipes/rank_law.h"

namespace nearfar {
namespace {

/// All but the miner `easy`, whose triplets cost nothing.
std::vector<Subject> variants() {
  std::vector<Subject> all;
  const auto add = [&](const std::string& variant, std::vector<std::string> settings) {
    settings.emplace_back("view.size=12");
    all.push_back({"metric", std::move(settings), variant});
  };
  for (const char* loss :
       {"softmax", "normalized_softmax", "a_softmax", "contrastive", "n_pair", "lifted_structure",
        "multi_similarity", "sup_con", "log_ratio", "regression"}) {
    add(loss, {std::string("loss=") + loss});
  }
  add("arcface", {"loss=arcface", "classes.arcface_scale=8"});
  add("cosface", {"loss=cosface", "classes.cosface_scale=8"});
  add("center", {"loss=center", "classes.center_weight=0.1"});
  add("n_pair_one_versus_one", {"loss=n_pair", "n_pair.form=one_versus_one"});
  add("sup_con_inside", {"loss=sup_con", "pairs.form=mean_inside_log"});
  add("circle", {"loss=circle", "pairs.gamma=32"});
  add("log_ratio_plain", {"loss=log_ratio", "targets.squared=false"});
  add("projected", {"loss=arcface", "classes.arcface_scale=8", "projection.layers=2",
                    "projection.width=8", "projection.batch_norm=true"});
  for (const char* miner : {"all", "semihard", "hard", "violating", "batch_hard", "batch_hard_soft",
                            "facenet", "distance_weighted"}) {
    add(std::string("triplet_") + miner, {"loss=triplet", std::string("miner=") + miner});
  }
  add("triplet_all_mean_squared",
      {"miner=all", "triplet.reduction=mean", "triplet.squared=true", "triplet.normalize=false"});
  return all;
}

class MetricLaw : public testing::TestWithParam<Subject> {
 protected:
  SmallRecipe make(const SmallPlan& plan, Group& group) const {
    return make_small_recipe("metric", GetParam().settings, plan, group);
  }
};

// 1e-10 of the largest gradient: float64 sums in another order.
TEST_P(MetricLaw, RanksEqualOneRank) {
  for (const int64_t batch : {24, 11}) {
    for (const int ranks : {2, 3}) {
      const SmallPlan plan{.batch = batch, .norm_batch = batch};
      const Deviation worst = deviation_of_threads({GetParam(), plan, {}, {}}, ranks);
      EXPECT_LT(worst.loss, 1e-10) << ranks << " ranks, " << batch << " images";
      EXPECT_LT(worst.gradient, 1e-10)
          << worst.parameter << ", " << ranks << " ranks, " << batch << " images";
    }
  }
}

TEST_P(MetricLaw, MicroBatchesEqualTheWholeBatch) {
  SoloGroup group;
  const SmallPlan plan{.batch = 30, .norm_batch = 8, .rate = 0.001};
  SmallRecipe whole = make(plan, group), pieces = make(plan, group);
  const NamedValues expected = train_small(whole, plan, 4, 0, group);
  EXPECT_LT(worst_difference(train_small(pieces, plan, 4, 8, group), expected), 1e-9);
}

/// The losses of steps of plain gradient descent on one batch.
std::vector<double> losses_of_one_batch(SmallRecipe& small, const SmallPlan& plan, int64_t steps,
                                        double rate, Group& group) {
  const Batch batch = small_batch(plan, 0, *small.recipe, group);
  std::vector<double> losses;
  for (int64_t step = 0; step < steps; ++step) {
    const LossAndGradient now = loss_and_gradient(
        small, batch, group,
        [&](const Embeddings& embeddings) { return small.recipe->loss(embeddings, batch).value; });
    losses.push_back(now.loss);
    const at::NoGradGuard no_grad;
    for (const auto& [name, gradient] : now.gradients) {
      EXPECT_TRUE(gradient.isfinite().all().item<bool>()) << name << ", step " << step;
      parameter(*small.recipe, name).sub_(gradient, rate);
    }
  }
  return losses;
}

// A tenth less after 60 steps at one of two rates. Triplets that no longer cost anything leave the
// mean of a miner's kind, so it falls at the end, when they are all gone.
TEST_P(MetricLaw, TheLossOfATinySetFalls) {
  std::string tried;
  for (const double rate : {0.02, 0.002}) {
    SoloGroup group;
    const SmallPlan plan;
    SmallRecipe small = make(plan, group);
    const std::vector<double> losses = losses_of_one_batch(small, plan, 60, rate, group);
    for (const double loss : losses) ASSERT_TRUE(std::isfinite(loss));
    if (losses.back() < 0.9 * losses.front()) return;
    tried += std::to_string(losses.front()) + " to " + std::to_string(losses.back()) + "; ";
  }
  FAIL() << tried;
}

INSTANTIATE_TEST_SUITE_P(Metric, MetricLaw, testing::ValuesIn(variants()),
                         [](const auto& info) { return info.param.variant; });

// Easy triplets are by definition those that cost nothing (Schroff et al. 2015, section 3.2).
TEST(MetricEasyTriplets, TeachNothing) {
  SoloGroup group;
  const SmallPlan plan;
  SmallRecipe small = make_small_recipe("metric", {"miner=easy", "view.size=12"}, plan, group);
  for (const double loss : losses_of_one_batch(small, plan, 2, 0.02, group)) EXPECT_EQ(loss, 0.0);
  for (const auto& item : small.recipe->named_parameters()) {
    EXPECT_EQ(item.value().grad().abs().max().item<double>(), 0.0) << item.key();
  }
}

}  // namespace
}  // namespace nearfar
