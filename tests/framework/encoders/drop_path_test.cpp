// Dropped paths: which rows, how many, and that pieces of a batch lose the same ones.
#include "framework/encoders/drop_path.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "framework/encoders/resnet.h"
#include "framework/encoders/rows_per_image.h"

namespace nearfar {
namespace {

Random stream(uint64_t item) { return {7, 0, item, Purpose::recipe}; }

TEST(DropPath, DropsTheStatedShareOfRowsAndScalesTheRest) {
  Random random = stream(1);
  constexpr int64_t kRows = 20000;
  constexpr double kRate = 0.3;
  const at::Tensor rows =
      drop_path(at::ones({kRows, 2, 3}, at::kDouble), kRate, NormPlan{}, random).flatten(1);
  EXPECT_TRUE(rows.amax(1).equal(rows.amin(1)));
  const at::Tensor kept = rows.select(1, 0) > 0;
  const double share = 1.0 - kept.to(at::kDouble).mean().item<double>();
  // Five standard deviations of a binomial share.
  EXPECT_NEAR(share, kRate, 5.0 * std::sqrt(kRate * (1 - kRate) / kRows));
  // The factor is a float.
  EXPECT_NEAR(rows.max().item<double>(), 1.0 / (1.0 - kRate), 1e-7);
}

TEST(DropPath, PiecesLoseTheRowsOfTheWholeAndDrawAsOften) {
  const at::Tensor branch = at::ones({12, 4});
  Random whole_random = stream(2);
  const at::Tensor whole = drop_path(branch, 0.5, NormPlan{}, whole_random);
  ASSERT_GT((whole == 0).sum().item<int64_t>(), 0);
  ASSERT_LT((whole == 0).sum().item<int64_t>(), 48);
  for (const Shard& piece : {Shard{0, 5, 12}, Shard{5, 12, 12}}) {
    NormPlan plan;
    plan.piece = std::make_shared<Shard>(piece);
    Random random = stream(2);
    const at::Tensor part =
        drop_path(branch.narrow(0, piece.begin, piece.size()), 0.5, plan, random);
    EXPECT_TRUE(part.equal(whole.narrow(0, piece.begin, piece.size())));
    Random after = whole_random;
    EXPECT_EQ(random.next_uint64(), after.next_uint64());
  }
}

TEST(DropPath, RowsOfOneImageAreDrawnEachAndPiecesCountImages) {
  const at::Tensor branch = at::ones({36, 4});
  const RowsPerImage each(3);
  Random whole_random = stream(2);
  const at::Tensor whole = drop_path(branch, 0.5, NormPlan{}, whole_random);
  const at::Tensor by_image = whole.select(1, 0).view({12, 3});
  EXPECT_FALSE(by_image.amax(1).equal(by_image.amin(1)));
  NormPlan plan;
  plan.piece = std::make_shared<Shard>(Shard{5, 12, 12});
  Random random = stream(2);
  const at::Tensor part = drop_path(branch.narrow(0, 15, 21), 0.5, plan, random);
  EXPECT_TRUE(part.equal(whole.narrow(0, 15, 21)));
  EXPECT_THROW(drop_path(branch.narrow(0, 0, 7), 0.5, plan, random), c10::Error);
}

TEST(DropPath, TwoUsesOfOneStreamLoseDifferentRows) {
  Random random = stream(3);
  const at::Tensor ones = at::ones({64, 1});
  const at::Tensor first = drop_path(ones, 0.5, NormPlan{}, random);
  EXPECT_FALSE(first.equal(drop_path(ones, 0.5, NormPlan{}, random)));
}

TEST(DropPath, RateZeroIsTheBranchItself) {
  Random random = stream(4);
  const at::Tensor branch = at::rand({3, 2});
  EXPECT_TRUE(drop_path(branch, 0.0, NormPlan{}, random).is_same(branch));
  EXPECT_EQ(random.next_uint64(), stream(4).next_uint64());
}

TEST(DropPath, WorksInTrainingAloneAndNeverInTheFirstBlock) {
  at::manual_seed(1);
  ResNetShape shape{.blocks = {1, 1, 1, 1}, .width = 4};
  shape.drop_path = 0.9;
  ResNet encoder(shape, kHalvingStem, 1, {});
  const at::Tensor images = at::rand({8, 1, 16, 16});
  const at::NoGradGuard no_grad;
  Random one = stream(5), two = stream(6);
  const auto first = encoder.stages(images, one), second = encoder.stages(images, two);
  EXPECT_TRUE(first[0].equal(second[0]));
  EXPECT_FALSE(first[3].equal(second[3]));
  encoder.eval();
  EXPECT_TRUE(encoder.forward(images, one).equal(encoder.forward(images, two)));
}

}  // namespace
}  // namespace nearfar
