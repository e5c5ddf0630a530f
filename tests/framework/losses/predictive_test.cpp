// CPC over places of images: against a loop over predictions and candidates, over ranks, and the
// draw of candidates.
#include "framework/losses/predictive.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/losses/over_ranks.h"

namespace nearfar {
namespace {

constexpr int64_t kImages = 5, kPlaces = 6, kPredicted = 4, kWidth = 3;

Random stream(uint64_t step) { return {9, 0, step, Purpose::recipe}; }

/// Predictions [N, m, z] and targets [N, P, z].
std::vector<at::Tensor> inputs() {
  return {rows_for_test(kImages * kPredicted, kWidth, 0.2).view({kImages, kPredicted, kWidth}),
          rows_for_test(kImages * kPlaces, kWidth, 0.9).view({kImages, kPlaces, kWidth}) * 2.0};
}

struct Naive {
  double loss = 0.0, log_candidates = 0.0;
};

/// `is_candidate`: by the number of the target among all of the batch.
Naive naive(const std::vector<at::Tensor>& given, const std::vector<bool>& is_candidate) {
  Naive mean;
  for (int64_t i = 0; i < kImages; ++i) {
    for (int64_t j = 0; j < kPredicted; ++j) {
      const int64_t own = i * kPlaces + kPlaces - kPredicted + j;
      double sum = 0.0, own_score = 0.0;
      int64_t candidates = 0;
      for (int64_t t = 0; t < kImages * kPlaces; ++t) {
        const double score = given[0][i][j].dot(given[1][t / kPlaces][t % kPlaces]).item<double>();
        if (t == own) own_score = score;
        if (t != own && !is_candidate[t]) continue;
        sum += std::exp(score);
        ++candidates;
      }
      mean.loss += std::log(sum) - own_score;
      mean.log_candidates += std::log(static_cast<double>(candidates));
    }
  }
  const double count = kImages * kPredicted;
  return {mean.loss / count, mean.log_candidates / count};
}

std::vector<bool> chosen(const Candidates& candidates) {
  std::vector<bool> all(kImages * kPlaces, true);
  if (!candidates.among_NP.defined()) return all;
  for (size_t t = 0; t < all.size(); ++t) {
    all[t] = candidates.among_NP.flatten()[static_cast<int64_t>(t)].item<bool>();
  }
  return all;
}

const Shard kAll{0, kImages, kImages};

TEST(PlacesLoss, IsTheLoopOverPredictionsAndCandidates) {
  SoloGroup group;
  const std::vector<at::Tensor> given = inputs();
  for (const int64_t count : {0, 1, 7, 29, 30, 1000}) {
    const Candidates candidates = draw_candidates(group, given[1], kAll, count, stream(1));
    const PlacesLoss found = places_loss(group, given[0], given[1], candidates, kAll);
    const Naive expected = naive(given, chosen(candidates));
    EXPECT_NEAR(found.loss.item<double>(), expected.loss, 1e-12) << count;
    EXPECT_NEAR(found.log_candidates, expected.log_candidates, 1e-12) << count;
  }
}

TEST(PlacesLoss, OfOnePlaceAnImageIsCpcLoss) {
  SoloGroup group;
  const at::Tensor context = rows_for_test(kImages, 4, 0.1);
  const at::Tensor weights = rows_for_test(2 * kWidth, 4, 0.5).view({2, kWidth, 4});
  const at::Tensor targets = rows_for_test(2 * kImages, kWidth, 0.7).view({2, kImages, kWidth});
  const PredictiveLoss expected = cpc_loss(group, context, targets, weights, kAll);
  for (int64_t s = 0; s < 2; ++s) {
    const at::Tensor target = targets[s].unsqueeze(1);
    const PlacesLoss found = places_loss(group, context.mm(weights[s].t()).unsqueeze(1), target,
                                         draw_candidates(group, target, kAll, 0, stream(1)), kAll);
    EXPECT_NEAR(found.loss.item<double>(), expected.per_step_S[s].item<double>(), 1e-13);
    EXPECT_NEAR(found.log_candidates - found.loss.item<double>(),
                expected.bound_S[s].item<double>(), 1e-13);
  }
}

TEST(PlacesLoss, RanksEqualOneRank) {
  for (const int64_t count : {0, 11}) {
    const LossOfRank loss = [count](Group& group, const std::vector<at::Tensor>& mine,
                                    const Shard& own) {
      return places_loss(group, mine[0], mine[1],
                         draw_candidates(group, mine[1], own, count, stream(2)), own)
          .loss;
    };
    const Outcome expected = over_ranks(1, inputs(), loss, Backward::with_collectives);
    for (const int ranks : {2, 3, 4, 5}) {
      const Outcome found = over_ranks(ranks, inputs(), loss, Backward::with_collectives);
      EXPECT_NEAR(found.loss, expected.loss, 1e-12) << ranks << " ranks, " << count;
      EXPECT_LT(distance(found, expected), 1e-12) << ranks << " ranks, " << count;
    }
  }
}

TEST(PlacesLoss, GradientIsThatOfFiniteDifferences) {
  constexpr double kStep = 1e-5;
  SoloGroup group;
  for (const int64_t count : {0, 7}) {
    const auto loss_of = [&](const std::vector<at::Tensor>& given) {
      return places_loss(group, given[0], given[1],
                         draw_candidates(group, given[1], kAll, count, stream(3)), kAll)
          .loss;
    };
    const Outcome exact = at_once(inputs(), loss_of);
    for (size_t input = 0; input < 2; ++input) {
      const at::Tensor direction =
          rows_for_test(inputs()[input].numel(), 1, 0.6).view(inputs()[input].sizes());
      const auto shifted = [&](double step) {
        std::vector<at::Tensor> given = inputs();
        given[input] = given[input] + direction * step;
        return loss_of(given).item<double>();
      };
      const double slope = (shifted(kStep) - shifted(-kStep)) / (2.0 * kStep);
      EXPECT_NEAR((exact.gradients[input] * direction).sum().item<double>(), slope, 1e-8);
    }
  }
}

TEST(PlacesLoss, LargeScoresAreFinite) {
  SoloGroup group;
  const std::vector<at::Tensor> given = inputs();
  for (const int64_t count : {0, 7}) {
    const at::Tensor large = (given[0] * 1e5).to(at::kFloat).requires_grad_();
    const at::Tensor targets = given[1].to(at::kFloat);
    const at::Tensor loss =
        places_loss(group, large, targets, draw_candidates(group, targets, kAll, count, stream(1)),
                    kAll)
            .loss;
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>()));
    EXPECT_TRUE(large.grad().isfinite().all().item<bool>());
  }
}

TEST(DrawCandidates, EverySubsetOfTheSizeIsAsLikely) {
  SoloGroup group;
  const at::Tensor targets = rows_for_test(kImages * kPlaces, 1, 0.0).view({kImages, kPlaces, 1});
  constexpr int kDraws = 3000, kCount = 12;
  at::Tensor times = at::zeros({kImages * kPlaces}, at::kDouble);
  for (int i = 0; i < kDraws; ++i) {
    const Candidates drawn = draw_candidates(group, targets, kAll, kCount, stream(i));
    const at::Tensor among = drawn.among_NP.flatten();
    ASSERT_EQ(among.sum().item<int64_t>(), kCount);
    ASSERT_TRUE(drawn.rows_Kz.equal(targets.flatten(0, 1).index({among})));
    times += among.to(at::kDouble);
  }
  const double share = static_cast<double>(kCount) / (kImages * kPlaces);
  // Five standard deviations of a binomial count.
  const double bound = 5.0 * std::sqrt(kDraws * share * (1.0 - share));
  EXPECT_LT((times - kDraws * share).abs().max().item<double>(), bound);
}

TEST(PlacesLoss, RefusesShapesThatDoNotFit) {
  SoloGroup group;
  const std::vector<at::Tensor> given = inputs();
  const Candidates candidates = draw_candidates(group, given[1], kAll, 0, stream(1));
  EXPECT_THROW(places_loss(group, given[1], given[0], candidates, kAll), c10::Error);
  EXPECT_THROW(places_loss(group, given[0], given[1], candidates, Shard{0, 4, 4}), c10::Error);
  EXPECT_THROW(draw_candidates(group, given[1].flatten(1), kAll, 0, stream(1)), c10::Error);
  EXPECT_THROW(draw_candidates(group, given[1], kAll, -1, stream(1)), c10::Error);
}

}  // namespace
}  // namespace nearfar
