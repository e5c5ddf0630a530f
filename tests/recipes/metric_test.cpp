// The metric recipe: losses of its own pairs, levels, what it keeps and what it refuses.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>

#include "framework/encoders/make_encoder.h"
#include "framework/error.h"
#include "tests/recipes/asked_metric.h"

namespace nearfar {
namespace {

/// N-pair by its definition over the first two rows of each class.
double naive_n_pair(const at::Tensor& x, const at::Tensor& label, double l2) {
  std::vector<at::Tensor> anchor, positive;
  for (int64_t c = 0; c < 3; ++c) {
    const at::Tensor rows = label.eq(c).nonzero();
    anchor.push_back(x[rows[0][0].item<int64_t>()]);
    positive.push_back(x[rows[1][0].item<int64_t>()]);
  }
  double mean = 0.0;
  for (size_t i = 0; i < 3; ++i) {
    double sum = 1.0;
    for (size_t j = 0; j < 3; ++j) {
      if (j != i) sum += std::exp((anchor[i] * (positive[j] - positive[i])).sum().item<double>());
    }
    const double square =
        (anchor[i].square().sum() + positive[i].square().sum()).item<double>() / 2.0;
    mean += (std::log(sum) + l2 * square) / 3.0;
  }
  return mean;
}

TEST(Metric, NPairTakesOnePairOfEachClass) {
  AskedMetric asked({"loss=n_pair", "n_pair.l2=0.1"});
  const at::Tensor x = metric_embeddings();
  EXPECT_NEAR(asked.loss(x).value.item<double>(), naive_n_pair(x, asked.batch.label, 0.1), 1e-12);
}

TEST(Metric, RegressionFollowsTheDefinition) {
  AskedMetric asked({"loss=regression", "targets.scale=0.7"});
  const at::Tensor x = metric_embeddings(), y = asked.batch.target;
  double mean = 0.0;
  for (int64_t i = 0; i < 12; ++i) {
    const int64_t j = (i + 1) % 12;
    const double cosine = ((x[i] * x[j]).sum() / x[i].norm() / x[j].norm()).item<double>();
    const double wanted = std::exp(-(y[i] - y[j]).norm().item<double>() / 0.7);
    mean += (cosine - wanted) * (cosine - wanted) / 12.0;
  }
  EXPECT_NEAR(asked.loss(x).value.item<double>(), mean, 1e-13);
}

// Where all embeddings are the same row, the loss is the level that the recipe gives.
TEST(Metric, LevelsAreWhatOneRowForAllCosts) {
  for (const std::vector<std::string>& settings : std::vector<std::vector<std::string>>{
           {"loss=contrastive", "pairs.negative_margin=0.8"},
           {"loss=sup_con"},
           {"loss=n_pair", "n_pair.l2=0"},
           {"loss=n_pair", "n_pair.l2=0", "n_pair.form=one_versus_one"},
           {"miner=batch_hard", "triplet.margin=0.3"},
           {"miner=batch_hard_soft"},
           {"miner=facenet", "triplet.margin=0.3"},
           {"miner=all", "triplet.reduction=mean", "triplet.margin=0.3"}}) {
    AskedMetric asked(settings);
    const Loss loss = asked.loss(waves({1, kMetricWidth}, 0.4).repeat({12, 1}));
    EXPECT_NEAR(loss.value.item<double>(), loss.random_guess, 1e-7) << settings[0];
    EXPECT_GT(loss.random_guess, 0.0) << settings[0];
  }
}

// At right angles to every class weight.
TEST(Metric, LevelsOfAnglesAreThoseOfRightAngles) {
  for (const std::vector<std::string>& settings : std::vector<std::vector<std::string>>{
           {"loss=normalized_softmax"},
           {"loss=arcface", "classes.arcface_scale=5"},
           {"loss=arcface", "classes.arcface_scale=64"},
           {"loss=cosface", "classes.cosface_scale=5"},
           {"loss=a_softmax", "classes.lambda_base=1e9", "classes.lambda_gamma=0"}}) {
    AskedMetric asked(settings);
    const at::Tensor basis = std::get<0>(at::linalg_qr(asked.own("weight").detach().t()));
    const at::Tensor x = metric_embeddings() - metric_embeddings().mm(basis).mm(basis.t());
    const Loss loss = asked.loss(x);
    EXPECT_NEAR(loss.value.item<double>(), loss.random_guess, 1e-7) << settings[0];
  }
}

TEST(Metric, CentersMoveAfterTheStep) {
  AskedMetric asked({"loss=center", "classes.center_rate=0.3"});
  const at::Tensor x = metric_embeddings();
  asked.small.recipe->after_step({x}, asked.batch);
  for (int64_t c = 0; c < 3; ++c) {
    const at::Tensor rows = x.index({asked.batch.label.eq(c)});
    const double count = static_cast<double>(rows.size(0));
    const at::Tensor expected = rows.sum(0) * (0.3 / (1.0 + count));
    EXPECT_LT(worst_difference(buffer(*asked.small.recipe, "loss.centers")[c], expected), 1e-14);
  }
}

TEST(Metric, WithoutAHeadTheLossSeesTheFeatures) {
  AskedMetric bare({}), headed({"projection.layers=1", "projection.width=8"});
  *bare.small.piece = *headed.small.piece = bare.batch.shard;
  Random random = bare.batch.random;
  const at::Tensor features = bare.small.recipe->encoder()->forward(bare.batch.views[0], random);
  EXPECT_TRUE(bare.small.recipe->embed(bare.batch)[0].equal(features));
  EXPECT_EQ(headed.small.recipe->embed(headed.batch)[0].size(1), 8);
}

template <typename Thrown>
std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Thrown& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Making the recipe for data with these classes and targets.
std::string refusal(const std::vector<std::string>& settings, std::vector<std::string> classes,
                    std::vector<std::string> targets, const TrainPlan& plan = {}) {
  SoloGroup group;
  const RecipePlugin& plugin = *open_recipe("metric").plugin;
  const auto config = plugin.make_config();
  Settings chosen;
  for (const std::string& setting : settings) chosen.add_assignment(setting, "test");
  chosen.apply([&](Fields& field) { plugin.describe(config.get(), field); });
  const auto make = [](int64_t size) { return make_encoder(EncoderConfig{}, 3, size, NormPlan{}); };
  DatasetInfo data;
  data.path = "photos";
  data.class_names = std::move(classes);
  data.targets = std::move(targets);
  return message<Error>([&] {
    plugin.make(config.get(), nearfar::Setup{make, group, data, plan});
  });
}

TEST(Metric, NeedsTheLabelsOrTargetsThatItLearns) {
  const char* labels = "photos: expected labels of at least two classes to learn, found 0";
  for (const char* loss : {"loss=softmax", "loss=triplet", "loss=n_pair", "loss=circle"}) {
    EXPECT_EQ(refusal({loss}, {}, {"x"}), labels) << loss;
  }
  EXPECT_EQ(refusal({"miner=distance_weighted"}, {}, {}), labels);
  for (const std::string loss : {"log_ratio", "regression"}) {
    EXPECT_EQ(refusal({"loss=" + loss}, {"a", "b"}, {}),
              "recipe.loss=" + loss +
                  ": expected real-valued targets (columns target... of a .csv list, targets of a "
                  ".safetensors file), found none in photos");
    EXPECT_EQ(refusal({"loss=" + loss}, {}, {"x"}), "nothing was thrown");
  }
  EXPECT_TRUE(refusal({"projection.width=7"}, {"a", "b"}, {})
                  .starts_with("recipe.projection.width: expected 0 or the encoder's width "));
}

TEST(Metric, ImagesWithoutALabelAreRefused) {
  TrainPlan plan;
  plan.without_label = "photos/3.png";
  for (const char* loss : {"loss=softmax", "loss=circle", "miner=distance_weighted"}) {
    EXPECT_EQ(refusal({loss}, {"a", "b"}, {}, plan),
              "photos/3.png: expected a label to learn, found none; data.sampler=balanced leaves "
              "such images out");
  }
  EXPECT_EQ(refusal({"loss=regression"}, {}, {"x"}, plan), "nothing was thrown");
}

TEST(Metric, NPairRefusesBatchesThatAreNotOfPairs) {
  const auto found = [](int64_t images_per_class) {
    TrainPlan plan;
    plan.images_per_class = images_per_class;
    return refusal({"loss=n_pair"}, {"a", "b"}, {}, plan);
  };
  const std::string expected =
      "data.images_per_class: recipe.loss=n_pair expected batches of two images of each class, "
      "found ";
  const std::string remedy = "; set data.sampler=balanced data.images_per_class=2";
  EXPECT_EQ(found(0), expected + "data.sampler=shuffle" + remedy);
  EXPECT_EQ(found(8), expected + "8" + remedy);
  EXPECT_EQ(found(2), "nothing was thrown");
}

}  // namespace
}  // namespace nearfar
