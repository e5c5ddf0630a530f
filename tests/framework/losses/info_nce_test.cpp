// InfoNCE between two batches: against the whole matrix, over ranks, and at its edges.
#include "framework/losses/info_nce.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "tests/framework/losses/over_ranks.h"
#include "tools/bench/naive_losses.h"

namespace nearfar {
namespace {

constexpr double kTemperature = 0.2;

TEST(InfoNce, AnyNumberOfRanksEqualsTheWholeMatrix) {
  for (const int64_t total : {9, 8, 3, 1}) {  // uneven, even, ranks without rows, a single pair
    const std::vector<at::Tensor> inputs{rows_for_test(total, 5, 0.0),
                                         rows_for_test(total, 5, 0.4)};
    const at::Tensor weight = at::arange(total, at::kDouble) + 1.0;
    for (const Directions directions : {Directions::query_to_key, Directions::both}) {
      const Outcome expected = at_once(inputs, [&](const std::vector<at::Tensor>& all) {
        return naive::info_nce(all[0], all[1], kTemperature, directions == Directions::both,
                               weight);
      });
      for (int ranks = 1; ranks <= 4; ++ranks) {
        const Outcome result =
            over_ranks(ranks, inputs,
                       [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
                         return info_nce(group, mine[0], mine[1], kTemperature, own, directions,
                                         weight.slice(0, own.begin, own.end));
                       });
        EXPECT_NEAR(result.loss, expected.loss, 1e-11);
        EXPECT_LT(distance(result, expected), 1e-11) << ranks << " ranks, " << total << " rows";
      }
    }
  }
}

TEST(InfoNce, ManyTilesEqualTheWholeMatrix) {
  const std::vector<at::Tensor> inputs{rows_for_test(700, 16, 0.0), rows_for_test(700, 16, 0.4)};
  const Outcome expected = at_once(inputs, [&](const std::vector<at::Tensor>& all) {
    return naive::info_nce(all[0], all[1], kTemperature, /*both=*/true);
  });
  for (const int ranks : {1, 2}) {
    const Outcome result = over_ranks(
        ranks, inputs, [&](Group& group, const std::vector<at::Tensor>& mine, const Shard& own) {
          return info_nce(group, mine[0], mine[1], kTemperature, own, Directions::both);
        });
    EXPECT_NEAR(result.loss, expected.loss, 1e-11);
    EXPECT_LT(distance(result, expected), 1e-12);
  }
}

TEST(InfoNce, RowsThatAreAllAlikeGiveTheRandomGuess) {
  SoloGroup group;
  const at::Tensor rows = at::ones({6, 3}, at::kFloat);
  const Shard whole{0, 6, 6};
  EXPECT_NEAR(info_nce(group, rows, rows, 0.005, whole).item<double>(), info_nce_random_guess(6),
              1e-6);
  EXPECT_DOUBLE_EQ(info_nce_random_guess(6), std::log(6.0));
}

TEST(InfoNce, AFactorAfterwardsIsRefused) {
  SoloGroup group;
  const at::Tensor query = rows_for_test(4, 3, 0.0).requires_grad_(),
                   key = rows_for_test(4, 3, 0.4);
  const at::Tensor loss = info_nce(group, query, key, 0.1, {0, 4, 4});
  EXPECT_THROW((loss * 0.5).backward(), c10::Error);
  EXPECT_THROW(info_nce(group, query, key, 0.1, {0, 4, 4}, Directions::both, at::ones({3})),
               c10::Error);
}

}  // namespace
}  // namespace nearfar
