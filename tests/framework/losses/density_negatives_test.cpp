// Negatives by density: draws against the probabilities of enumerated orders, and the loss against
// its definition on any number of ranks.
#include "framework/losses/density_negatives.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "distributed/thread_group.h"
#include "tests/framework/losses/bank_part.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

const std::vector<double> kDensities{0.9, 0.1, -0.4, 0.6, 0.2};
constexpr int64_t kImages = 5;
constexpr int64_t kSeeds = 20000;

Random stream(int64_t seed) { return {static_cast<uint64_t>(seed), 0, 0, Purpose::recipe}; }

/// The probability of drawing i and then j.
using OrderedPair = std::function<double(int64_t i, int64_t j)>;

/// Each time by weight among the images that are left; one image is left out from the start.
OrderedPair without_replacement(double gamma, int64_t left_out = -1) {
  return [=](int64_t i, int64_t j) {
    const auto weight = [&](int64_t k) {
      return k == left_out ? 0.0 : std::exp(gamma * kDensities[static_cast<size_t>(k)]);
    };
    double sum = 0.0;
    for (int64_t k = 0; k < kImages; ++k) sum += weight(k);
    return i == j ? 0.0 : weight(i) / sum * weight(j) / (sum - weight(i));
  };
}

using Counts = std::map<std::pair<int64_t, int64_t>, int64_t>;

/// The largest difference of a pair's frequency from its probability, in standard deviations of the
/// binomial; infinite where what is impossible was drawn. A right sampler is beyond 5 at one of 20
/// pairs once in 90000 times; the seeds are fixed.
double worst_deviation(const Counts& counts, const OrderedPair& probability) {
  double worst = 0.0, sum = 0.0;
  for (int64_t i = 0; i < kImages; ++i) {
    for (int64_t j = 0; j < kImages; ++j) {
      const auto found = counts.find({i, j});
      const double count = found == counts.end() ? 0.0 : static_cast<double>(found->second);
      const double p = probability(i, j), apart = std::abs(count / kSeeds - p);
      sum += p;
      if (apart > 0.0) worst = std::max(worst, apart / std::sqrt(p * (1.0 - p) / kSeeds));
    }
  }
  EXPECT_NEAR(sum, 1.0, 1e-12);
  return worst;
}

Counts counts_of(double gamma) {
  const at::Tensor density = at::tensor(kDensities, at::kDouble);
  Counts counts;
  for (int64_t seed = 1; seed <= kSeeds; ++seed) {
    const at::Tensor drawn = draw_by_density(stream(seed), density, gamma, 2);
    ++counts[{drawn[0].item<int64_t>(), drawn[1].item<int64_t>()}];
  }
  return counts;
}

// gamma 0 is uniform: 1/20 each.
TEST(DrawByDensity, OrderedPairsHaveTheirProbabilities) {
  for (const double gamma : {0.0, 1.5, -3.0}) {
    EXPECT_LE(worst_deviation(counts_of(gamma), without_replacement(gamma)), 5.0) << gamma;
  }
}

// The check tells near gammas apart, and draws without replacement from independent ones of which
// those that repeat an image are thrown away.
TEST(DrawByDensity, TheProbabilitiesOfOtherSamplersAreNotItsOwn) {
  const Counts counts = counts_of(1.5);
  EXPECT_GT(worst_deviation(counts, without_replacement(1.3)), 5.0);
  double sum = 0.0;
  const auto both = [](int64_t i, int64_t j) {
    return i == j ? 0.0
                  : std::exp(1.5 * (kDensities[static_cast<size_t>(i)] +
                                    kDensities[static_cast<size_t>(j)]));
  };
  for (int64_t i = 0; i < kImages; ++i) {
    for (int64_t j = 0; j < kImages; ++j) sum += both(i, j);
  }
  EXPECT_GT(worst_deviation(counts, [&](int64_t i, int64_t j) { return both(i, j) / sum; }), 5.0);
}

/// A sample's negatives: those drawn for the batch but one.
std::vector<int64_t> negatives_of(const DensityNegatives& negatives, int64_t sample) {
  const int64_t left_out = negatives.left_out_n[sample].item<int64_t>();
  std::vector<int64_t> images;
  for (int64_t c = 0; c < negatives.image_C.size(0); ++c) {
    const int64_t image = negatives.image_C[c].item<int64_t>();
    if (image != left_out) images.push_back(image);
  }
  return images;
}

// What a batch shares is, for each of its samples, a draw from all images but its own.
TEST(DensityNegatives, OfASampleHaveTheProbabilitiesOfADrawWithoutItsImage) {
  const at::Tensor density = at::tensor(kDensities, at::kDouble);
  const at::Tensor index = at::tensor({0, 2, 3}, at::kLong);
  for (const double gamma : {0.0, 2.0, -2.0}) {
    std::vector<Counts> counts(3);
    for (int64_t seed = 1; seed <= kSeeds; ++seed) {
      const DensityNegatives drawn = draw_density_negatives(stream(seed), density, gamma, 2, index);
      for (int64_t sample = 0; sample < 3; ++sample) {
        const std::vector<int64_t> images = negatives_of(drawn, sample);
        ASSERT_EQ(images.size(), 2u);
        ++counts[static_cast<size_t>(sample)][{images[0], images[1]}];
      }
    }
    for (int64_t sample = 0; sample < 3; ++sample) {
      EXPECT_LE(worst_deviation(counts[static_cast<size_t>(sample)],
                                without_replacement(gamma, index[sample].item<int64_t>())),
                5.0)
          << gamma << ", sample " << sample;
    }
  }
}

TEST(DensityNegatives, AreNeverTheOwnImageAndNeverTwiceTheSame) {
  const at::Tensor density = rows_for_test(1, 9000, 0.3)[0];
  const at::Tensor index = at::arange(0, 9000, 50, at::kLong);
  const DensityNegatives drawn = draw_density_negatives(stream(5), density, 4.0, 8000, index);
  EXPECT_EQ(std::get<0>(at::_unique(drawn.image_C)).numel(), 8001);
  for (int64_t sample = 0; sample < index.size(0); ++sample) {
    const std::vector<int64_t> images = negatives_of(drawn, sample);
    EXPECT_EQ(images.size(), 8000u);
    EXPECT_EQ(std::count(images.begin(), images.end(), index[sample].item<int64_t>()), 0);
  }
}

TEST(DrawByDensity, ExtremeGammasTakeTheDensestOrTheSparsest) {
  const at::Tensor density = at::tensor(kDensities, at::kDouble);
  for (int64_t seed = 1; seed <= 100; ++seed) {
    EXPECT_TRUE(draw_by_density(stream(seed), density, 1e6, 5)
                    .equal(at::tensor({0, 3, 4, 1, 2}, at::kLong)));
    EXPECT_TRUE(draw_by_density(stream(seed), density, -1e300, 4)
                    .equal(at::tensor({2, 1, 4, 3}, at::kLong)));
  }
}

TEST(DrawByDensity, DependsOnTheStreamAndNotOnThreadsOrHowManyAreDrawn) {
  const at::Tensor density = rows_for_test(1, 20000, 0.3)[0];
  at::Tensor expected;
  for (const int threads : {1, 2, 3}) {
    const ThreadCount count(threads);
    const at::Tensor drawn = draw_by_density(stream(7), density, 2.0, 500);
    if (!expected.defined()) expected = drawn;
    EXPECT_TRUE(drawn.equal(expected));
    EXPECT_TRUE(draw_by_density(stream(7), density, 2.0, 50).equal(expected.narrow(0, 0, 50)));
    EXPECT_FALSE(draw_by_density(stream(8), density, 2.0, 500).equal(expected));
  }
}

TEST(DensityNegatives, RefuseMoreThanThereAre) {
  const at::Tensor density = at::tensor(kDensities, at::kDouble);
  const at::Tensor index = at::tensor({0, 2}, at::kLong);
  for (const int64_t count : {int64_t{-1}, int64_t{0}, int64_t{5}, int64_t{6}}) {
    try {
      draw_density_negatives(stream(1), density, 1.0, count, index);
      FAIL() << "expected an error for " << count;
    } catch (const c10::Error& error) {
      EXPECT_NE(std::string(error.what())
                    .find("expected from 1 to 4 negatives of an image among "
                          "5 images, got " +
                          std::to_string(count)),
                std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(draw_by_density(stream(1), density, 1.0, 6), c10::Error);
  EXPECT_THROW(draw_by_density(stream(1), density, NAN, 1), c10::Error);
  EXPECT_THROW(draw_by_density(stream(1), density.unsqueeze(0), 1.0, 1), c10::Error);
  EXPECT_THROW(draw_density_negatives(stream(1), density, 1.0, 1, index.to(at::kDouble)),
               c10::Error);
}

constexpr double kTemperature = 0.3;

/// Sample by sample over its list of negatives.
at::Tensor naive_loss(const at::Tensor& feature, const at::Tensor& bank, const at::Tensor& index,
                      const DensityNegatives& negatives) {
  const at::Tensor unit = naive::unit(feature), rows = naive::unit(bank);
  std::vector<at::Tensor> losses;
  for (int64_t i = 0; i < feature.size(0); ++i) {
    std::vector<int64_t> images{index[i].item<int64_t>()};
    for (const int64_t image : negatives_of(negatives, i)) images.push_back(image);
    const at::Tensor scores =
        rows.index_select(0, at::tensor(images, at::kLong)).mv(unit[i]) / kTemperature;
    losses.push_back(scores.logsumexp(0) - scores[0]);
  }
  return at::stack(losses).mean();
}

TEST(DensityContrast, IsItsDefinitionOnAnyNumberOfRanks) {
  const at::Tensor bank = rows_for_test(30, 6, 0.2) * 1.5, feature = rows_for_test(7, 6, 0.9);
  const at::Tensor index = at::tensor({4, 29, 4, 0, 11, 17, 3}, at::kLong);
  SoloGroup solo;
  const at::Tensor density = local_densities(solo, part_of(bank, solo, false), 4);
  for (const int64_t count : {1, 9, 29}) {
    const DensityNegatives all = draw_density_negatives(stream(3), density, 2.0, count, index);
    const Outcome expected = at_once({feature}, [&](const std::vector<at::Tensor>& inputs) {
      return naive_loss(inputs[0], bank, index, all);
    });
    for (const int ranks : {1, 2, 3}) {
      for (const bool sharded : {false, true}) {
        const Outcome found =
            over_ranks(ranks, {feature, index},
                       [&](Group& group, const std::vector<at::Tensor>& inputs, const Shard& own) {
                         const MemoryBank part = part_of(bank, group, sharded);
                         const at::Tensor mine = local_densities(group, part, 4);
                         const DensityNegatives negatives =
                             draw_density_negatives(stream(3), mine, 2.0, count, inputs[1]);
                         EXPECT_TRUE(negatives.image_C.equal(all.image_C));
                         return density_contrast(group, inputs[0], part, negatives, kTemperature,
                                                 own, inputs[1]);
                       });
        EXPECT_NEAR(found.loss, expected.loss, 1e-13) << ranks << " ranks, " << count;
        EXPECT_LT((found.gradients[0] - expected.gradients[0]).abs().max().item<double>(), 1e-13)
            << ranks << " ranks, sharded " << sharded << ", " << count;
      }
    }
  }
}

TEST(DensityContrast, OfEmbeddingsThatKnowNothingIsTheLogarithmOfTheirNumber) {
  SoloGroup group;
  const at::Tensor ones = at::ones({4, 3}, at::kDouble);
  const MemoryBank bank = part_of(at::ones({10, 3}, at::kDouble), group, false);
  const at::Tensor index = at::arange(4, at::kLong);
  const DensityNegatives negatives =
      draw_density_negatives(stream(3), local_densities(group, bank, 2), 2.0, 6, index);
  EXPECT_NEAR(density_contrast(group, ones, bank, negatives, 0.1, {0, 4, 4}, index).item<double>(),
              density_contrast_random_guess(6), 1e-14);
}

}  // namespace
}  // namespace nearfar
