// The losses of instance discrimination: against their definition and finite differences, over
// ranks with whole and sharded banks, and at their edges.
#include "framework/losses/npid.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "framework/train/memory_meter.h"
#include "tests/framework/losses/bank_part.h"
#include "tests/framework/losses/npid_reference.h"
#include "tests/framework/losses/over_ranks.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.1;
constexpr double kZ = 17.0;

struct Problem {
  at::Tensor feature, index, bank, noise;
};

/// Some noise items are the images themselves, some come twice.
Problem problem(int64_t rows, int64_t images, int64_t noise, int64_t width = 6) {
  const at::Tensor index = at::arange(rows).mul(3).add(1).remainder(images);
  return {rows_for_test(rows, width, 0.0), index, naive::unit(rows_for_test(images, width, 0.9)),
          at::arange(rows * noise).mul(5).remainder(images).view({rows, noise})};
}

/// A rank's loss of its features and noise against its part of the bank.
using BankLoss =
    std::function<at::Tensor(Group&, const at::Tensor& feature, const MemoryBank&,
                             const at::Tensor& noise, const Shard&, const at::Tensor& index)>;

Outcome result_of(const Problem& p, int ranks, bool sharded, const BankLoss& loss) {
  return over_ranks(
      ranks, {p.feature}, [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
        const auto cut = [&own](const at::Tensor& all) { return all.slice(0, own.begin, own.end); };
        return loss(group, mine[0], part_of(p.bank, group, sharded), cut(p.noise), own,
                    cut(p.index));
      });
}

at::Tensor softmax(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                   const at::Tensor&, const Shard& own, const at::Tensor& index) {
  return npid_softmax(group, feature, bank, kTemperature, own, index);
}

at::Tensor nce(Group& group, const at::Tensor& feature, const MemoryBank& bank,
               const at::Tensor& noise, const Shard& own, const at::Tensor& index) {
  return npid_nce(group, feature, bank, kTemperature, at::scalar_tensor(kZ, at::kDouble).log(),
                  noise, own, index);
}

at::Tensor proximal(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                    const at::Tensor&, const Shard& own, const at::Tensor& index) {
  return npid_proximal(group, feature, bank, own, index);
}

struct Subject {
  const char* name;
  BankLoss loss;
  std::function<at::Tensor(const at::Tensor& feature, const Problem&)> definition;
};

std::vector<Subject> subjects() {
  return {{"softmax", softmax,
           [](const at::Tensor& feature, const Problem& p) {
             return naive::npid_softmax(feature, p.bank, kTemperature, p.index);
           }},
          {"nce", nce,
           [](const at::Tensor& feature, const Problem& p) {
             return naive::npid_nce(feature, p.bank, kTemperature, kZ, p.noise, p.index);
           }},
          {"proximal", proximal, [](const at::Tensor& feature, const Problem& p) {
             return naive::npid_proximal(feature, p.bank, p.index);
           }}};
}

TEST(Npid, AnyNumberOfRanksEqualsTheDefinition) {
  for (const Subject& subject : subjects()) {
    // More ranks than images, too; more noise than a tile holds; tiles of several features.
    for (const auto& [rows, images, noise] :
         {std::tuple{7, 20, 5}, {5, 2, 3}, {3, 40, 5000}, {260, 600, 30}}) {
      const Problem p = problem(rows, images, noise);
      const Outcome expected = at_once({p.feature}, [&](const std::vector<at::Tensor>& all) {
        return subject.definition(all[0], p);
      });
      for (int ranks = 1; ranks <= 4; ++ranks) {
        for (const bool sharded : {false, true}) {
          const Outcome result = result_of(p, ranks, sharded, subject.loss);
          // Sums of up to 5000 terms of float64 in another order.
          EXPECT_NEAR(result.loss, expected.loss, 1e-11 * std::abs(expected.loss));
          const double largest = expected.gradients[0].abs().max().item<double>();
          EXPECT_LT(distance(result, expected), 1e-11 * std::max(1.0, largest))
              << subject.name << ", " << ranks << " ranks, sharded " << sharded;
        }
      }
    }
  }
}

TEST(Npid, TheGradientIsThatOfFiniteDifferences) {
  const Problem p = problem(3, 9, 4);
  for (const Subject& subject : subjects()) {
    const Outcome result = result_of(p, 1, false, subject.loss);
    for (int64_t i = 0; i < p.feature.numel(); ++i) {
      const auto loss_at = [&](double step) {
        Problem moved = p;
        moved.feature = p.feature.clone();
        moved.feature.view(-1)[i] += step;
        return result_of(moved, 1, false, subject.loss).loss;
      };
      const double slope = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5;
      // Step 1e-5: an error of 1e-10 times the third derivative, which 1 / T raises to 1e3.
      EXPECT_NEAR(result.gradients[0].view(-1)[i].item<double>(), slope, 1e-6) << subject.name;
    }
  }
}

TEST(Npid, ZIsTheMeanOfAllRanksTimesTheImages) {
  const Problem p = problem(7, 20, 5);
  const at::Tensor noise_scores = naive::exponentials(p.feature, p.bank, kTemperature, p.noise);
  const at::Tensor own_scores =
      naive::exponentials(p.feature, p.bank, kTemperature, p.index.unsqueeze(1));
  const double by_noise = 20.0 * noise_scores.mean().item<double>();
  const double by_both = 20.0 * at::cat({noise_scores, own_scores}, 1).mean().item<double>();
  EXPECT_GT(std::abs(by_both / by_noise - 1.0), 1e-3);
  for (int ranks = 1; ranks <= 4; ++ranks) {
    for (const bool sharded : {false, true}) {
      std::vector<double> of_rank(static_cast<size_t>(ranks));
      for (const auto& [scores, expected] :
           {std::pair{PartitionScores::noise, by_noise},
            std::pair{PartitionScores::noise_and_positive, by_both}}) {
        run_ranks(ranks, [&, &scores = scores](Group& group) {
          const Shard own = shard(7, ranks, group.rank());
          const auto cut = [&own](const at::Tensor& all) {
            return all.slice(0, own.begin, own.end);
          };
          of_rank[static_cast<size_t>(group.rank())] =
              npid_log_partition(group, cut(p.feature), part_of(p.bank, group, sharded),
                                 kTemperature, cut(p.noise), scores, own, cut(p.index))
                  .item<double>();
        });
        for (const double log_z : of_rank) {
          EXPECT_EQ(log_z, of_rank[0]);
          EXPECT_NEAR(log_z, std::log(expected), 1e-12);
        }
      }
    }
  }
}

TEST(Npid, NoiseIsUniformAndItsOwnOfEveryRow) {
  const Random random(3, 1, 7, Purpose::recipe);
  constexpr int64_t kRows = 64, kCount = 500, kImages = 40;
  const at::Tensor all = draw_noise(random, {0, kRows, kRows}, kCount, kImages);
  for (const int ranks : {2, 3}) {
    for (int rank = 0; rank < ranks; ++rank) {
      const Shard own = shard(kRows, ranks, rank);
      EXPECT_TRUE(draw_noise(random, own, kCount, kImages).equal(all.slice(0, own.begin, own.end)));
    }
  }
  EXPECT_FALSE(all[0].equal(all[1]));
  EXPECT_FALSE(
      all.equal(draw_noise(Random(3, 1, 8, Purpose::recipe), {0, kRows, kRows}, kCount, kImages)));
  // Chi squared with 39 degrees of freedom is above 82.1 in 7e-5 of all cases; the stream is fixed.
  const at::Tensor counts = all.view(-1).bincount({}, kImages).to(at::kDouble);
  const double mean = static_cast<double>(kRows * kCount) / kImages;
  EXPECT_LT((counts - mean).square().sum().item<double>() / mean, 82.1);
}

// A row of bfloat16 is off by at most 2^-8 of each component, so a score by at most 2^-8: 0.04 at T
// = 0.1. Losses are means over many rows, whose errors have both signs: half of that.
TEST(Npid, BFloat16BanksComeClose) {
  const Problem p = problem(7, 200, 50);
  Problem half = p;
  half.bank = p.bank.to(at::kBFloat16);
  half.feature = p.feature.to(at::kFloat);
  for (const Subject& subject : subjects()) {
    const Outcome exact = result_of(p, 1, false, subject.loss);
    for (const bool sharded : {false, true}) {
      const Outcome result = result_of(half, sharded ? 2 : 1, sharded, subject.loss);
      EXPECT_NEAR(result.loss, exact.loss, 0.02 * exact.loss) << subject.name;
      EXPECT_GT(std::abs(result.loss - exact.loss), 1e-7) << subject.name;
      EXPECT_EQ(result.gradients[0].scalar_type(), at::kFloat);
    }
  }
}

TEST(Npid, ExtremesStayFinite) {
  Problem p = problem(5, 40, 8);
  p.feature = p.feature.mul(1e30).to(at::kFloat), p.bank = p.bank.to(at::kFloat);
  SoloGroup group;
  const Shard whole{0, 5, 5};
  const MemoryBank bank = part_of(p.bank, group, false);
  for (const double temperature : {0.005, 0.001}) {
    const at::Tensor feature = p.feature.clone().requires_grad_();
    const at::Tensor log_z = npid_log_partition(group, feature, bank, temperature, p.noise,
                                                PartitionScores::noise, whole, p.index);
    const at::Tensor loss =
        npid_softmax(group, feature, bank, temperature, whole, p.index) +
        npid_nce(group, feature, bank, temperature, log_z, p.noise, whole, p.index);
    loss.backward();
    EXPECT_TRUE(std::isfinite(loss.item<double>()));
    EXPECT_TRUE(feature.grad().isfinite().all().item<bool>());
  }
}

// 20000 rows of 64 features are 5 MB, and 16 times 20000 similarities are 1.3 MB, which no tensor
// holds: a tile and a few tensors of 16 rows, and the numbers of the images.
TEST(Npid, TheSoftmaxTakesMemoryForTilesAlone) {
  SoloGroup group;
  const Problem p = problem(16, 20000, 1, 64);
  const at::Tensor feature = p.feature.to(at::kFloat).requires_grad_();
  const MemoryBank bank = part_of(p.bank.to(at::kFloat), group, false);
  const ThreadCount one(1);
  const int64_t peak = peak_bytes([&] {
    npid_softmax(group, feature, bank, kTemperature, {0, 16, 16}, p.index).backward();
  });
  EXPECT_LT(peak, 20000 * 8 + 16 * 512 * 4 + 20 * 16 * 64 * 4);
}

TEST(Npid, RandomGuesses) {
  SoloGroup group;
  const at::Tensor ones = at::ones({4, 3}, at::kDouble);
  const MemoryBank bank = part_of(naive::unit(at::ones({10, 3}, at::kDouble)), group, false);
  const Shard whole{0, 4, 4};
  const at::Tensor index = at::arange(4), noise = at::arange(4 * 7).remainder(10).view({4, 7});
  EXPECT_NEAR(npid_softmax(group, ones, bank, 0.1, whole, index).item<double>(),
              npid_softmax_random_guess(10), 1e-13);
  for (const auto scores : {PartitionScores::noise, PartitionScores::noise_and_positive}) {
    const at::Tensor log_z =
        npid_log_partition(group, ones, bank, 0.1, noise, scores, whole, index);
    EXPECT_NEAR(npid_nce(group, ones, bank, 0.1, log_z, noise, whole, index).item<double>(),
                npid_nce_random_guess(7), 1e-12);
  }
}

TEST(Npid, RefusesWhatDoesNotFit) {
  SoloGroup group;
  const Problem p = problem(4, 9, 2);
  const MemoryBank bank = part_of(p.bank, group, false);
  const Shard whole{0, 4, 4};
  EXPECT_THROW(npid_softmax(group, p.feature, bank, 0.1, whole, p.index.add(6)), c10::Error);
  EXPECT_THROW(npid_softmax(group, p.feature, bank, 0.1, whole, p.index.to(at::kInt)), c10::Error);
  const at::Tensor log_z = at::zeros({}, at::kDouble);
  const auto nce_of = [&](const at::Tensor& noise) {
    return npid_nce(group, p.feature, bank, 0.1, log_z, noise, whole, p.index);
  };
  EXPECT_NO_THROW(nce_of(p.noise));
  EXPECT_THROW(nce_of(p.noise.narrow(0, 0, 3)), c10::Error);
  EXPECT_THROW(nce_of(p.noise.narrow(1, 0, 0)), c10::Error);
  EXPECT_THROW(nce_of(p.noise.to(at::kDouble)), c10::Error);
}

}  // namespace
}  // namespace nearfar
