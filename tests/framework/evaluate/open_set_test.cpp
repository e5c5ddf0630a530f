// The open-set protocol: roles, a gallery that grows, rates against counting, closed forms.
#include "framework/evaluate/open_set.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "framework/evaluate/cosines.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

std::vector<int64_t> numbers(int64_t count) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(3 * i + 1);
  return result;
}

TEST(DrawRoles, DealsEveryClassOnce) {
  for (const int64_t count : {5, 6, 7, 10, 100}) {
    for (const double development : {0.0, 0.3, 0.9}) {
      const ClassRoles roles = draw_roles(numbers(count), development, 4);
      std::set<int64_t> all;
      for (const auto* part : {&roles.development, &roles.first, &roles.later, &roles.unknown}) {
        EXPECT_FALSE(part->empty()) << count;
        all.insert(part->begin(), part->end());
      }
      EXPECT_EQ(all.size(), static_cast<size_t>(count));
      EXPECT_GE(roles.development.size(), 2u);
      const auto gallery = roles.first.size() + roles.later.size();
      EXPECT_LE(gallery - roles.unknown.size(), 1u);
      EXPECT_LE(roles.first.size() - roles.later.size(), 1u);
    }
  }
  const ClassRoles ten = draw_roles(numbers(10), 0.3, 1);
  EXPECT_EQ(ten.development.size(), 3u);
  EXPECT_EQ(ten.unknown.size(), 3u);
  EXPECT_NE(draw_roles(numbers(10), 0.3, 2).unknown, ten.unknown);
  EXPECT_EQ(draw_roles(numbers(10), 0.3, 1).unknown, ten.unknown);
  EXPECT_THROW(draw_roles(numbers(4), 0.3, 1), c10::Error);
}

TEST(DrawRoles, GivesEachClassEachRoleAlikeOften) {
  std::map<int64_t, int64_t> unknown;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    for (const int64_t c : draw_roles(numbers(10), 0.3, seed).unknown) ++unknown[c];
  }
  // Five standard deviations of 2,000 draws with chance 0.3.
  for (const int64_t c : numbers(10)) EXPECT_NEAR(unknown[c], 600, 5.0 * std::sqrt(420.0));
}

TEST(Gallery, MatchesTheNearestMeanOfUnitRows) {
  const at::Tensor label = at::arange(40, at::kLong).remainder(4);
  const at::Tensor images = synthetic::clouds(label, 4, 6, 1.0, 1);
  const at::Tensor probes = synthetic::clouds(synthetic::labels(600, 4, 2), 4, 6, 1.0, 3);
  Gallery gallery;
  std::vector<at::Tensor> templates;
  for (int64_t c = 0; c < 4; ++c) {
    const at::Tensor own = images.index_select(0, (label == c).nonzero().view(-1));
    gallery.enrol(10 + c, own);
    at::Tensor sum = at::zeros({6}, at::kDouble);
    for (int64_t i = 0; i < own.size(0); ++i) sum += own[i] / own[i].norm();
    templates.push_back(sum / sum.norm());
  }
  const Identification match = gallery.identify(probes);
  for (int64_t i = 0; i < 600; i += 7) {
    double best = -2.0;
    int64_t identity = -1;
    for (int64_t c = 0; c < 4; ++c) {
      const double cosine = ((probes[i] * templates[c]).sum() / probes[i].norm()).item<double>();
      if (cosine <= best) continue;
      best = cosine;
      identity = 10 + c;
    }
    EXPECT_EQ(match.identity[i].item<int64_t>(), identity);
    EXPECT_NEAR(match.cosine[i].item<double>(), best, 1e-14);
  }
}

// What "no retraining" means: an identity that joins can win probes, and touches nothing else.
TEST(Gallery, KeepsEveryOtherMatchWhenAnIdentityJoins) {
  const at::Tensor label = at::arange(50, at::kLong).remainder(5);
  const at::Tensor images = synthetic::clouds(label, 5, 8, 1.0, 1).to(at::kFloat);
  const at::Tensor probes =
      synthetic::clouds(synthetic::labels(700, 5, 2), 5, 8, 1.0, 3).to(at::kFloat);
  const auto of = [&](int64_t c) {
    return images.index_select(0, (label == c).nonzero().view(-1));
  };
  Gallery gallery;
  for (int64_t c = 0; c < 4; ++c) gallery.enrol(c, of(c));
  const Identification before = gallery.identify(probes);
  gallery.enrol(4, of(4));
  const Identification after = gallery.identify(probes);
  const at::Tensor same = after.identity != 4;
  EXPECT_GT((after.identity == 4).sum().item<int64_t>(), 50);
  EXPECT_TRUE(after.identity.masked_select(same).equal(before.identity.masked_select(same)));
  EXPECT_TRUE(after.cosine.masked_select(same).equal(before.cosine.masked_select(same)));
  EXPECT_TRUE((after.cosine >= before.cosine).all().item<bool>());
  Gallery alone;
  alone.enrol(4, of(4));
  const at::Tensor won = after.identity == 4;
  EXPECT_TRUE(
      after.cosine.masked_select(won).equal(alone.identify(probes).cosine.masked_select(won)));
}

TEST(Gallery, NeedsImagesAndIdentities) {
  Gallery gallery;
  EXPECT_THROW(gallery.identify(at::ones({1, 2}, at::kDouble)), c10::Error);
  EXPECT_THROW(gallery.enrol(0, at::empty({0, 2}, at::kDouble)), c10::Error);
}

Identification matches(const std::vector<double>& cosine, const std::vector<int64_t>& identity) {
  return {at::tensor(cosine, at::kDouble), at::tensor(identity, at::kLong)};
}

TEST(OpenSetScores, CountWhatTheLowestAllowedThresholdDetects) {
  at::Tensor cosine = synthetic::normal({500}, 1) + 1.0;
  at::Tensor strangers = synthetic::normal({300}, 2);
  for (at::Tensor* values : {&cosine, &strangers}) *values = at::round(*values * 20.0) / 20.0;
  const at::Tensor label = synthetic::labels(500, 3, 3);
  const at::Tensor identity = at::where(synthetic::normal({500}, 4) > 0.8, 2 - label, label);
  const OpenSetScores scores =
      open_set_scores({cosine, identity}, label, {strangers, at::zeros({300}, at::kLong)}, 3);
  EXPECT_EQ(scores.mated, 500);
  EXPECT_EQ(scores.nonmated, 300);
  EXPECT_EQ(scores.identities, 3);
  EXPECT_DOUBLE_EQ(scores.rank1, (identity == label).sum().item<double>() / 500.0);
  EXPECT_DOUBLE_EQ(scores.auroc, ((cosine.unsqueeze(1) > strangers).sum().item<double>() +
                                  0.5 * (cosine.unsqueeze(1) == strangers).sum().item<double>()) /
                                     150000.0);
  EXPECT_FALSE(scores.dir[2].has_value());  // 0.001 of 300 probes
  for (size_t i = 0; i < 2; ++i) {
    // The best over all thresholds that keep the rate, tried one by one.
    double best = 0.0;
    const at::Tensor tried = at::cat({cosine, strangers});
    for (int64_t t = 0; t < tried.size(0); ++t) {
      const double threshold = tried[t].item<double>();
      const auto alarms = (strangers >= threshold).sum().item<double>();
      if (alarms > kOpenSetFar[i] * 300.0) continue;
      const at::Tensor named = (cosine >= threshold).logical_and_(identity == label);
      best = std::max(best, named.sum().item<double>() / 500.0);
    }
    EXPECT_DOUBLE_EQ(*scores.dir[i], best);
    EXPECT_LE((strangers >= *scores.threshold[i]).sum().item<double>(), kOpenSetFar[i] * 300.0);
  }
  EXPECT_LT(*scores.dir[1], *scores.dir[0]);
  EXPECT_LT(*scores.dir[0], scores.rank1);
}

TEST(OpenSetScores, AreOneForAPerfectGalleryAndIgnoreStrangersThatNeverScore) {
  const std::vector<double> low(10, 0.1);
  const OpenSetScores scores =
      open_set_scores(matches({0.9, 0.8, 0.7}, {1, 2, 1}), at::tensor({1, 2, 1}, at::kLong),
                      matches(low, std::vector<int64_t>(10, 1)), 2);
  EXPECT_EQ(scores.rank1, 1.0);
  EXPECT_EQ(scores.auroc, 1.0);
  EXPECT_EQ(*scores.dir[0], 1.0);
  // Confident but wrong: detected, not identified.
  const OpenSetScores wrong =
      open_set_scores(matches({0.9, 0.8}, {1, 1}), at::tensor({1, 2}, at::kLong),
                      matches(low, std::vector<int64_t>(10, 1)), 2);
  EXPECT_EQ(wrong.auroc, 1.0);
  EXPECT_EQ(*wrong.dir[0], 0.5);
}

OpenSetInputs inputs(double distance, int64_t classes = 10) {
  OpenSetInputs result;
  result.enrol_label = at::arange(40 * classes, at::kLong).remainder(classes);
  result.probe_label = at::arange(30 * classes, at::kLong).remainder(classes);
  result.enrol = synthetic::clouds(result.enrol_label, classes, 16, distance, 1);
  result.probe = synthetic::clouds(result.probe_label, classes, 16, distance, 2);
  return result;
}

TEST(OpenSetProtocol, FindsEverySeparatedIdentityInBothGalleries) {
  const OpenSetResult result = open_set_protocol(inputs(20.0), {}, false, 1);
  EXPECT_EQ(result.before.identities, 2);
  EXPECT_EQ(result.after.identities, 4);
  EXPECT_EQ(result.before.mated, 60);
  EXPECT_EQ(result.after.mated, 120);
  EXPECT_EQ(result.before.nonmated, 90);
  EXPECT_EQ(result.after.nonmated, 90);
  EXPECT_EQ(result.after.rank1, 1.0);
  EXPECT_GT(*result.before.dir[0], 0.99);
  EXPECT_GT(*result.after.dir[0], 0.99);
  EXPECT_GT(result.carried[0]->dir, 0.99);
}

TEST(OpenSetProtocol, IsHarderInALargerGalleryForTheSameProbes) {
  double before = 0.0;
  double after = 0.0;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const OpenSetResult result = open_set_protocol(inputs(0.7), {}, false, seed);
    // More identities can only win probes that were right before.
    EXPECT_LE(result.earlier_after.rank1, result.before.rank1);
    EXPECT_EQ(result.earlier_after.mated, result.before.mated);
    before += *result.before.dir[0];
    after += *result.earlier_after.dir[0];
  }
  EXPECT_LT(after, before);
}

/// Features that know nothing of the labels: DIR cannot exceed the false alarms, and naming one of
/// four by chance divides them.
TEST(OpenSetProtocol, FindsNobodyInNoise) {
  OpenSetInputs noise = inputs(0.0);
  double dir = 0.0;
  double auroc = 0.0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const OpenSetResult result = open_set_protocol(noise, {}, false, seed);
    dir += *result.after.dir[0] / 10.0;
    auroc += result.after.auroc / 10.0;
  }
  EXPECT_LT(dir, 0.06);
  EXPECT_NEAR(auroc, 0.5, 0.04);
}

/// The data with every row moved that is not of a development class.
TEST(OpenSetProtocol, FitsNothingOnOtherThanDevelopmentClasses) {
  const OpenSetInputs data = inputs(1.0);
  const OpenSetResult result = open_set_protocol(data, {}, true, 3);
  const at::Tensor fitted = at::tensor(result.roles.development, at::kLong);
  OpenSetInputs moved = data;
  moved.enrol = at::where(at::isin(data.enrol_label, fitted).unsqueeze(1), data.enrol,
                          data.enrol + 5.0 * synthetic::normal({1, 16}, 9));
  moved.probe = at::where(at::isin(data.probe_label, fitted).unsqueeze(1), data.probe,
                          data.probe + 5.0 * synthetic::normal({1, 16}, 9));
  // What is fitted stays: the mean, so that rows shifted by hand and judged plainly do the same.
  const at::Tensor mean =
      data.enrol.index_select(0, at::isin(data.enrol_label, fitted).nonzero().view(-1)).mean(0);
  OpenSetInputs shifted = moved;
  shifted.enrol = moved.enrol - mean;
  shifted.probe = moved.probe - mean;
  const OpenSetResult centred = open_set_protocol(moved, {}, true, 3);
  const OpenSetResult by_hand = open_set_protocol(shifted, {}, false, 3);
  EXPECT_EQ(*centred.after.dir[0], *by_hand.after.dir[0]);
  EXPECT_EQ(centred.after.auroc, by_hand.after.auroc);
  EXPECT_EQ(centred.carried[0]->far, by_hand.carried[0]->far);
  EXPECT_NE(centred.after.auroc, result.after.auroc);
}

TEST(OpenSetProtocol, TakesClassesWithImagesOfBothKinds) {
  OpenSetInputs data = inputs(1.0, 6);
  data.probe_label =
      at::where(data.probe_label == 2, at::full_like(data.probe_label, 9), data.probe_label);
  EXPECT_EQ(open_set_classes(data), (std::vector<int64_t>{0, 1, 3, 4, 5}));
}

}  // namespace
}  // namespace nearfar
