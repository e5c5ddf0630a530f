// Every setting of the metric recipe reaches the loss that it names, with its hyper-parameters.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>

#include "framework/losses/class_softmax.h"
#include "framework/losses/distance_weighted.h"
#include "framework/losses/pair_losses.h"
#include "framework/losses/ranking.h"
#include "framework/losses/triplet.h"
#include "framework/losses/weighted_contrast.h"
#include "tests/recipes/asked_metric.h"

namespace nearfar {
namespace {

using Direct = std::function<at::Tensor(AskedMetric& asked, const at::Tensor& x)>;

struct Wiring {
  std::vector<std::string> settings;
  Direct direct;
};

std::vector<Wiring> wirings_of_classes() {
  return {
      {{"loss=softmax"},
       [](AskedMetric& a, const at::Tensor& x) {
         return softmax_loss(a.group, x, all_classes(a.own("classifier.weight")),
                             a.own("classifier.bias"), a.batch.label, a.batch.shard);
       }},
      {{"loss=normalized_softmax", "classes.temperature=0.3"},
       [](AskedMetric& a, const at::Tensor& x) {
         return normalized_softmax(a.group, x, all_classes(a.own("weight")), a.batch.label, 0.3,
                                   a.batch.shard);
       }},
      {{"loss=arcface", "classes.arcface_scale=7", "classes.arcface_margin=0.4",
        "classes.monotone=true"},
       [](AskedMetric& a, const at::Tensor& x) {
         return combined_margin(a.group, x, all_classes(a.own("weight")), a.batch.label,
                                {7.0, 1.0, 0.4, 0.0, true}, a.batch.shard);
       }},
      {{"loss=cosface", "classes.cosface_scale=7", "classes.cosface_margin=0.2"},
       [](AskedMetric& a, const at::Tensor& x) {
         return combined_margin(a.group, x, all_classes(a.own("weight")), a.batch.label,
                                {7.0, 1.0, 0.0, 0.2, false}, a.batch.shard);
       }},
      {{"loss=a_softmax", "classes.m=3", "classes.lambda_base=8", "classes.lambda_gamma=0.5",
        "classes.lambda_power=2", "classes.lambda_lowest=1"},
       [](AskedMetric& a, const at::Tensor& x) {
         // At step 2: 8 (1 + 0.5 * 2)^-2.
         return a_softmax(a.group, x, all_classes(a.own("weight")), a.batch.label, 3, 2.0,
                          a.batch.shard);
       }},
      {{"loss=center", "classes.center_weight=0.7"},
       [](AskedMetric& a, const at::Tensor& x) {
         const at::Tensor centers = at::zeros({3, kMetricWidth}, at::kDouble);
         return softmax_loss(a.group, x, all_classes(a.own("classifier.weight")),
                             a.own("classifier.bias"), a.batch.label, a.batch.shard) +
                center_loss(a.group, x, centers, a.batch.label, a.batch.shard) * 0.7;
       }},
  };
}

std::vector<Wiring> wirings_of_pairs() {
  return {
      {{"loss=contrastive", "pairs.positive_margin=0.1", "pairs.negative_margin=1.3"},
       [](AskedMetric& a, const at::Tensor& x) {
         return contrastive_two_margins(a.group, x, a.batch.label, {0.1, 1.3}, a.batch.shard);
       }},
      {{"loss=lifted_structure", "pairs.lifted_margin=0.6"},
       [](AskedMetric& a, const at::Tensor& x) {
         return lifted_structure(a.group, x, a.batch.label, 0.6, a.batch.shard);
       }},
      {{"loss=multi_similarity", "pairs.alpha=3", "pairs.beta=20", "pairs.base=0.3"},
       [](AskedMetric& a, const at::Tensor& x) {
         return multi_similarity(a.group, x, a.batch.label, {3.0, 20.0, 0.3}, a.batch.shard);
       }},
      {{"loss=circle", "pairs.circle_margin=0.3", "pairs.gamma=16"},
       [](AskedMetric& a, const at::Tensor& x) {
         return circle(a.group, x, a.batch.label, 0.3, 16.0, a.batch.shard);
       }},
      {{"loss=sup_con", "pairs.temperature=0.2", "pairs.form=mean_inside_log"},
       [](AskedMetric& a, const at::Tensor& x) {
         return sup_con(a.group, x, a.batch.label, 0.2, SupConForm::mean_inside_log, a.batch.shard);
       }},
      {{"loss=log_ratio", "targets.epsilon=0.01", "targets.squared=false"},
       [](AskedMetric& a, const at::Tensor& x) {
         return log_ratio(a.group, x, a.batch.target, {0.01, false, true}, a.batch.shard);
       }},
  };
}

std::vector<Wiring> wirings_of_triplets() {
  std::vector<Wiring> all{
      {{"miner=batch_hard", "triplet.margin=0.5", "triplet.squared=true",
        "triplet.normalize=false"},
       [](AskedMetric& a, const at::Tensor& x) {
         return batch_hard(a.group, x, a.batch.label, 0.5, false, {true, false}, a.batch.shard)
             .loss;
       }},
      {{"miner=batch_hard_soft"},
       [](AskedMetric& a, const at::Tensor& x) {
         return batch_hard(a.group, x, a.batch.label, 0.0, true, {}, a.batch.shard).loss;
       }},
      {{"miner=facenet", "triplet.margin=0.3"},
       [](AskedMetric& a, const at::Tensor& x) {
         return facenet_semihard(a.group, x, a.batch.label, 0.3, a.batch.shard).loss;
       }},
      {{"miner=distance_weighted", "triplet.margin_alpha=0.4", "triplet.margin_beta=1.1",
        "triplet.cutoff=0.3", "triplet.farthest=1.6"},
       [](AskedMetric& a, const at::Tensor& x) {
         const LabelledBatch labelled =
             gather_labelled("test", a.group, x, a.batch.label, a.batch.shard);
         const at::Tensor triplets =
             distance_weighted_triplets(labelled, {0.3, 1.6}, a.batch.random);
         return margin_loss(a.group, labelled, triplets, a.own("beta")[0], 0.4);
       }},
  };
  for (const std::string& kind : triplet_kind_names()) {
    all.push_back({{"miner=" + kind, "triplet.margin=0.4", "triplet.reduction=mean"},
                   [kind](AskedMetric& a, const at::Tensor& x) {
                     return triplet_loss(a.group, x, a.batch.label,
                                         {0.4, {}, triplet_kind(kind), Reduction::mean},
                                         a.batch.shard);
                   }});
  }
  return all;
}

// The losses themselves are held against independent references in tests/golden.
TEST(Metric, SettingsReachTheLossThatTheyName) {
  for (const auto& list : {wirings_of_classes(), wirings_of_pairs(), wirings_of_triplets()}) {
    for (const Wiring& wiring : list) {
      AskedMetric asked(wiring.settings, 2);
      const at::Tensor x = metric_embeddings();
      const double found = asked.loss(x).value.item<double>();
      EXPECT_DOUBLE_EQ(found, wiring.direct(asked, x).item<double>()) << wiring.settings[0];
      const bool is_easy = wiring.settings[0] == "miner=easy";
      EXPECT_EQ(found > 0.0, !is_easy) << wiring.settings[0];
    }
  }
}

}  // namespace
}  // namespace nearfar
