// Every loss that looks across the batch: any number of ranks equals one rank.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/losses/agreement_losses.h"
#include "framework/losses/class_softmax.h"
#include "framework/losses/codes.h"
#include "framework/losses/distance_weighted.h"
#include "framework/losses/pair_losses.h"
#include "framework/losses/predictive.h"
#include "framework/losses/prototypes.h"
#include "framework/losses/ranking.h"
#include "framework/losses/redundancy.h"
#include "framework/losses/triplet.h"
#include "framework/losses/weighted_contrast.h"
#include "tests/framework/losses/over_ranks.h"

namespace nearfar {
namespace {

using Inputs = std::vector<at::Tensor>;

struct Case {
  const char* name;
  LossOfRank loss;
};

at::Tensor fixed_rows(int64_t rows, int64_t width, double phase) {
  return rows_for_test(rows, width, phase);
}

/// Losses of two embeddings a sample and, third, a label.
std::vector<Case> cases_of_views() {
  return {
      {"dcl",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return decoupled_loss(group, mine[0], mine[1], 0.3, std::nullopt, own).loss;
       }},
      {"dclw through its weight",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return decoupled_loss(group, mine[0], mine[1], 0.3, PositiveWeight{0.5, true}, own).loss;
       }},
      {"hard_negative",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return hard_negative_loss(group, mine[0], mine[1], {0.5, 1.0, 0.1}, own).loss;
       }},
      {"n_pair",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return n_pair(group, mine[0], mine[1], NPairForm::multi_class, own);
       }},
      {"n_pair one versus one",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return n_pair(group, mine[0], mine[1], NPairForm::one_versus_one, own) +
                mean_squared_norm(group, mine[0], mine[1], own);
       }},
  };
}

/// More of them, on statistics, agreement and predictions.
std::vector<Case> more_cases_of_views() {
  return {
      {"barlow_twins",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return barlow_twins_loss(group, mine[0], mine[1], {}, own);
       }},
      {"vicreg",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return vicreg_loss(group, mine[0], mine[1], {}, own).loss;
       }},
      {"alignment_uniformity",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return alignment_uniformity(group, mine[0], mine[1], {}, own).loss;
       }},
      {"byol",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return byol_loss(group, mine[0], mine[1], mine[0], mine[1], own);
       }},
      {"swav",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return swav_loss(group, {mine[0], mine[1]}, {}, {}, own).loss;
       }},
      {"nnclr",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return nnclr_loss(group, mine[0], mine[1], mine[0], mine[1], fixed_rows(9, 5, 0.2), 0.2,
                           own)
             .loss;
       }},
      {"cpc",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return cpc_loss(group, mine[0], at::stack({mine[1], mine[0]}),
                         fixed_rows(10, 5, 0.1).view({2, 5, 5}), own)
             .loss;
       }},
  };
}

/// Losses of labelled embeddings.
std::vector<Case> cases_of_labels() {
  return {
      {"sup_con out",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return sup_con(group, mine[0], mine[2], 0.2, SupConForm::mean_outside_log, own);
       }},
      {"sup_con in",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return sup_con(group, mine[0], mine[2], 0.2, SupConForm::mean_inside_log, own);
       }},
      {"contrastive_two_margins",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return contrastive_two_margins(group, mine[0], mine[2], {0.1, 1.3}, own);
       }},
      {"batch_hard",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return batch_hard(group, mine[0], mine[2], 0.5, false, {}, own).loss;
       }},
      {"facenet_semihard",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return facenet_semihard(group, mine[0], mine[2], 0.4, own).loss;
       }},
      {"log_ratio",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return log_ratio(group, mine[0], mine[1].detach(), {}, own);
       }},
      {"log_ratio of one anchor",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return log_ratio(group, mine[0], mine[1].detach(), {1e-6, false, false}, own);
       }},
  };
}

/// Losses that rank all rows of a batch, and triplets of every kind that has a loss.
std::vector<Case> more_cases_of_labels() {
  std::vector<Case> cases = {
      {"lifted_structure",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return lifted_structure(group, mine[0], mine[2], 1.0, own);
       }},
      {"multi_similarity",
       [](Group& group, const Inputs& mine, const Shard& own) {
         return multi_similarity(group, mine[0], mine[2], {}, own);
       }},
      {"circle", [](Group& group, const Inputs& mine,
                    const Shard& own) { return circle(group, mine[0], mine[2], 0.25, 16.0, own); }},
      {"margin_loss with drawn negatives",
       [](Group& group, const Inputs& mine, const Shard& own) {
         const LabelledBatch batch = gather_labelled("margin_loss", group, mine[0], mine[2], own);
         const at::Tensor triplets =
             distance_weighted_triplets(batch, {}, Random(3, 0, 0, Purpose::recipe));
         return margin_loss(group, batch, triplets, at::scalar_tensor(1.2, at::kDouble), 0.2);
       }},
  };
  for (const std::string& kind : triplet_kind_names()) {
    if (kind == "easy") continue;  // no loss, whatever the ranks
    cases.push_back({"triplet", [kind](Group& group, const Inputs& mine, const Shard& own) {
                       return triplet_loss(group, mine[0], mine[2],
                                           {0.4, {}, triplet_kind(kind), Reduction::mean}, own);
                     }});
  }
  return cases;
}

Inputs batch_of(int64_t rows) {
  return {rows_for_test(rows, 5, 0.0), rows_for_test(rows, 5, 0.4),
          at::arange(rows, at::kLong).remainder(4)};
}

void expect_equal(const Case& item, const Inputs& batch) {
  const Outcome one = over_ranks(1, batch, item.loss, Backward::with_collectives);
  EXPECT_GT(one.gradients[0].abs().max().item<double>(), 1e-6) << item.name;
  for (const int ranks : {2, 3, 4}) {
    const Outcome many = over_ranks(ranks, batch, item.loss, Backward::with_collectives);
    // Sums of some ten float64 terms in another order.
    EXPECT_NEAR(many.loss, one.loss, 1e-10) << item.name << ", " << ranks << " ranks";
    EXPECT_LT(distance(many, one), 1e-10) << item.name << ", " << ranks << " ranks";
  }
}

TEST(LossesOverRanks, OfTwoViewsEqualOneRank) {
  for (const int64_t rows : {11, 8}) {
    for (const Case& item : cases_of_views()) expect_equal(item, batch_of(rows));
    for (const Case& item : more_cases_of_views()) expect_equal(item, batch_of(rows));
  }
}

TEST(LossesOverRanks, OfLabelsEqualOneRank) {
  for (const int64_t rows : {11, 8}) {
    for (const Case& item : cases_of_labels()) expect_equal(item, batch_of(rows));
    for (const Case& item : more_cases_of_labels()) expect_equal(item, batch_of(rows));
  }
}

/// The gradient at the class weights of all ranks, [C, d], of a loss with sharded ones over W
/// times W.
at::Tensor gradient_of_sharded(int ranks, const Inputs& batch, const at::Tensor& weight,
                               Outcome& outcome) {
  const at::Tensor gradient = at::zeros_like(weight);
  outcome = over_ranks(
      ranks, batch,
      [&](Group& group, const Inputs& mine, const Shard& own) {
        const Shard classes = shard(weight.size(0), group.size(), group.rank());
        const at::Tensor mine_Cd =
            weight.slice(0, classes.begin, classes.end).clone().requires_grad_();
        mine_Cd.register_hook([&gradient, classes](const at::Tensor& arrived) {
          gradient.slice(0, classes.begin, classes.end).copy_(arrived);
        });
        return combined_margin(group, mine[0], {mine_Cd, classes}, mine[2], {16.0, 1.0, 0.3, 0.1},
                               own);
      },
      Backward::with_collectives);
  return gradient / ranks;
}

TEST(LossesOverRanks, ShardedClassWeightsEqualReplicatedOnes) {
  const Inputs batch = batch_of(11);
  const at::Tensor weight = rows_for_test(7, 5, 0.9);
  Outcome whole;
  const at::Tensor expected = gradient_of_sharded(1, batch, weight, whole);
  for (const int ranks : {2, 3, 4}) {
    Outcome many;
    const at::Tensor gradient = gradient_of_sharded(ranks, batch, weight, many);
    EXPECT_NEAR(many.loss, whole.loss, 1e-10);
    EXPECT_LT(distance(many, whole), 1e-10);
    EXPECT_LT((gradient - expected).abs().max().item<double>(), 1e-10);
  }
}

TEST(LossesOverRanks, CentresMoveAlike) {
  const Inputs batch = batch_of(11);
  const at::Tensor centers = rows_for_test(4, 5, 0.7);
  SoloGroup solo;
  const at::Tensor expected = moved_centers(solo, batch[0], centers, batch[2], 0.5);
  run_ranks(3, [&](Group& group) {
    const Shard own = shard(11, 3, group.rank());
    const at::Tensor moved = moved_centers(group, batch[0].slice(0, own.begin, own.end), centers,
                                           batch[2].slice(0, own.begin, own.end), 0.5);
    EXPECT_LT((moved - expected).abs().max().item<double>(), 1e-12);
  });
}

}  // namespace
}  // namespace nearfar
