// The losses of MoCo: against the whole matrix and finite differences, over ranks with whole and
// sharded queues, with images that meet themselves, and at their edges.
#include "framework/losses/moco.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "framework/train/memory_meter.h"
#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.07;

struct Problem {
  at::Tensor query, key, index;
  Negatives negatives;
  at::Tensor same;  // [n, K]
};

/// Some negatives show images that are queried.
Problem problem(int64_t rows, int64_t length, int64_t width = 6) {
  Problem p;
  p.query = rows_for_test(rows, width, 0.0);
  p.key = rows_for_test(rows, width, 0.4);
  p.index = at::arange(rows);
  p.negatives = {naive::unit(rows_for_test(length, width, 0.9)), at::arange(length).mul(3).sub(3),
                 false};
  p.same = p.index.unsqueeze(1).eq(p.negatives.index);
  return p;
}

Outcome expected_of(const Problem& p, double temperature = kTemperature) {
  return at_once({p.query}, [&](const std::vector<at::Tensor>& all) {
    return naive::moco(all[0], p.key, p.negatives.rows, temperature, p.same);
  });
}

/// The queries shared out over ranks, and the negatives too if `sharded`.
Outcome result_of(const Problem& p, int ranks, bool sharded, double temperature = kTemperature) {
  return over_ranks(
      ranks, {p.query}, [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
        const auto cut = [](const at::Tensor& all, const Shard& shard) {
          return all.slice(0, shard.begin, shard.end);
        };
        Negatives negatives = p.negatives;
        if (sharded) {
          const Shard part = shard(negatives.rows.size(0), group.size(), group.rank());
          negatives = {cut(negatives.rows, part), cut(negatives.index, part), true};
        }
        return moco_loss(group, mine[0], cut(p.key, own), negatives, temperature, own,
                         cut(p.index, own));
      });
}

TEST(Moco, AnyNumberOfRanksEqualsTheWholeMatrix) {
  for (const auto& [rows, length] : {std::pair{7, 20}, {3, 2}, {1, 1300}, {260, 600}}) {
    const Problem p = problem(rows, length);
    EXPECT_TRUE(p.same.any().item<bool>());
    const Outcome expected = expected_of(p);
    for (int ranks = 1; ranks <= 4; ++ranks) {
      for (const bool sharded : {false, true}) {
        const Outcome result = result_of(p, ranks, sharded);
        EXPECT_NEAR(result.loss, expected.loss, 1e-11);
        EXPECT_LT(distance(result, expected), 1e-11) << ranks << " ranks " << sharded;
      }
    }
  }
}

TEST(Moco, TheGradientIsThatOfFiniteDifferences) {
  const Problem p = problem(3, 9);
  const Outcome result = result_of(p, 1, false);
  SoloGroup group;
  const auto loss_at = [&](int64_t place, double step) {
    const at::Tensor query = p.query.clone();
    query.view(-1)[place] += step;
    return moco_loss(group, query, p.key, p.negatives, kTemperature, {0, 3, 3}, p.index)
        .item<double>();
  };
  for (int64_t i = 0; i < p.query.numel(); ++i) {
    const double slope = (loss_at(i, 1e-5) - loss_at(i, -1e-5)) / 2e-5;
    // Step 1e-5: an error of 1e-10 times the third derivative, which 1 / T raises to 1e4.
    EXPECT_NEAR(result.gradients[0].view(-1)[i].item<double>(), slope, 1e-5);
  }
}

TEST(Moco, WithoutNegativesThereIsNothingToTellApart) {
  for (const bool all_same : {false, true}) {
    Problem p = problem(3, 2);
    if (all_same) {
      p.index = p.negatives.index = at::zeros({2}, at::kLong);
      p.index = at::zeros({3}, at::kLong);
    } else {
      p.negatives = {p.negatives.rows.narrow(0, 0, 0), at::Tensor(), false};
    }
    for (const bool sharded : {false, true}) {
      const Outcome result = result_of(p, all_same ? 2 : 1, sharded && all_same);
      EXPECT_EQ(result.loss, 0.0);
      EXPECT_EQ(result.gradients[0].abs().max().item<double>(), 0.0);
    }
  }
}

TEST(Moco, ExtremesStayFinite) {
  Problem p = problem(5, 40);
  p.query.mul_(1e30), p.key.mul_(1e-30);
  for (const double temperature : {0.005, 0.001}) {
    Problem single = p;
    single.query = p.query.to(at::kFloat), single.key = p.key.to(at::kFloat);
    single.negatives.rows = p.negatives.rows.to(at::kFloat);
    const Outcome exact = expected_of(p, temperature),
                  result = result_of(single, 1, false, temperature);
    EXPECT_NEAR(result.loss, exact.loss, 1e-5 * exact.loss);
    // Similarities of up to 1 / T = 1000 have an error of 1e-4 in float32.
    EXPECT_LT(distance(result, exact), 2e-3 * exact.gradients[0].abs().max().item<double>());
  }
  p.query[2][1] = NAN;
  EXPECT_TRUE(std::isnan(result_of(p, 1, false).loss));
}

TEST(Moco, LossesMayBeMultipliedAndKeysGetNoGradient) {
  SoloGroup group;
  const Problem p = problem(4, 9);
  const at::Tensor query = p.query.clone().requires_grad_(), key = p.key.clone().requires_grad_();
  const Shard whole{0, 4, 4};
  (moco_loss(group, query, key, p.negatives, kTemperature, whole, p.index) * 3.0).backward();
  EXPECT_FALSE(key.grad().defined());
  EXPECT_LT((query.grad() - 3.0 * expected_of(p).gradients[0]).abs().max().item<double>(), 1e-11);
}

TEST(Moco, BFloat16QueuesAndQueriesAreWidened) {
  const Problem p = problem(4, 30);
  Problem half = p;
  half.query = p.query.to(at::kBFloat16), half.key = p.key.to(at::kBFloat16);
  half.negatives.rows = p.negatives.rows.to(at::kBFloat16);
  const Outcome result = result_of(half, 1, false), exact = expected_of(p);
  EXPECT_EQ(result.gradients[0].scalar_type(), at::kBFloat16);
  EXPECT_NEAR(result.loss, exact.loss, 1e-2 * exact.loss);
}

// 4096 negatives of 64 features are 1 MiB; the whole matrix would be 4 MiB, and more with its
// exponentials and gradients.
TEST(Moco, TakesMemoryForTilesAlone) {
  SoloGroup group;
  Problem p = problem(256, 4096, 64);
  const at::Tensor query = p.query.to(at::kFloat).requires_grad_(), key = p.key.to(at::kFloat);
  p.negatives.rows = p.negatives.rows.to(at::kFloat);
  const ThreadCount one(1);
  const int64_t peak = peak_bytes([&] {
    moco_loss(group, query, key, p.negatives, kTemperature, {0, 256, 256}, p.index).backward();
  });
  const int64_t tile = 256 * 512 * 4, rows = 256 * 64 * 4;
  EXPECT_LT(peak, tile + 10 * rows);
}

TEST(MocoV3, AnyNumberOfRanksEqualsTheWholeMatrix) {
  for (const int64_t total : {9, 8, 3, 1}) {
    std::vector<at::Tensor> inputs;
    for (const double phase : {0.0, 0.4, 0.9, 1.3})
      inputs.push_back(rows_for_test(total, 5, phase));
    const Outcome expected = at_once(inputs, [&](const std::vector<at::Tensor>& all) {
      return naive::moco_v3(all[0], all[1], all[2].detach(), all[3].detach(), 0.2);
    });
    for (int ranks = 1; ranks <= 4; ++ranks) {
      const Outcome result = over_ranks(
          ranks, inputs, [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
            return moco_v3_loss(group, mine[0], mine[1], mine[2], mine[3], 0.2, own);
          });
      EXPECT_NEAR(result.loss, expected.loss, 1e-11);
      EXPECT_LT(distance(result, expected), 1e-11) << ranks << " ranks, " << total << " rows";
    }
  }
}

TEST(Moco, RandomGuesses) {
  SoloGroup group;
  const at::Tensor rows = at::ones({4, 3}, at::kDouble);
  const Shard whole{0, 4, 4};
  const Negatives negatives{naive::unit(at::ones({10, 3}, at::kDouble)), {}, false};
  EXPECT_NEAR(moco_loss(group, rows, rows, negatives, 0.1, whole).item<double>(),
              moco_random_guess(10), 1e-13);
  EXPECT_NEAR(moco_v3_loss(group, rows, rows, rows, rows, 0.2, whole).item<double>(),
              moco_v3_random_guess(4, 0.2), 1e-13);
  EXPECT_EQ(moco_random_guess(0), 0.0);
}

TEST(Moco, RefusesWhatDoesNotFit) {
  SoloGroup group;
  const at::Tensor rows = rows_for_test(4, 3, 0.0);
  const Shard whole{0, 4, 4};
  const auto loss = [&](const Negatives& negatives, const at::Tensor& index) {
    return moco_loss(group, rows, rows, negatives, 0.1, whole, index);
  };
  const at::Tensor queue = rows_for_test(5, 3, 0.0);
  EXPECT_THROW(loss({rows_for_test(5, 4, 0.0), {}, false}, {}), c10::Error);
  EXPECT_THROW(loss({queue, at::zeros({4}, at::kLong), false}, {}), c10::Error);
  EXPECT_THROW(loss({queue, at::zeros({5}, at::kLong), false}, at::zeros({4})), c10::Error);
  EXPECT_THROW(loss({queue.to(at::kLong), {}, false}, {}), c10::Error);
}

}  // namespace
}  // namespace nearfar
