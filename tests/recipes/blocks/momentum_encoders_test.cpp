// Queries and keys out of the right networks and views, with and without gradient.
#include "recipes/blocks/momentum_encoders.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/encoders/layers.h"
#include "tests/framework/encoders/module_tensors.h"

namespace nearfar {
namespace {

/// The mean of each channel, as features.
class MeanEncoder final : public Encoder {
 public:
  at::Tensor forward(const at::Tensor& images, Random&) override { return images.mean({2, 3}); }
  int64_t width() const override { return 3; }
};

class MomentumEncodersTest : public testing::Test {
 protected:
  MomentumEncodersTest() {
    to_double(encoders_);
    for (double phase : {0.1, 0.2, 0.3}) batch_.views.push_back(waves({4, 3, 2, 2}, phase));
  }

  /// What one of the networks makes of a view.
  at::Tensor expected(const std::string& network, const at::Tensor& view) const {
    return view.mean({2, 3}).mm(parameter(encoders_, network + ".projection.linear1.weight").t()) +
           parameter(encoders_, network + ".projection.linear1.bias");
  }

  SoloGroup group_;
  nearfar::Setup setup_{[](int64_t) { return std::make_shared<MeanEncoder>(); }, group_, {}, {}};
  MomentumEncoders encoders_{setup_,
                             8,
                             {.layers = 1, .width = 5, .batch_norm = false, .weight_std = 0.0},
                             {.start = 0.7, .schedule = "constant"}};
  Batch batch_;
};

TEST_F(MomentumEncodersTest, QueriesAreOfTheFirstViewsAndKeysOfTheLast) {
  for (size_t count : {1, 2, 3}) {
    const Embeddings found = encoders_.embed(batch_, count);
    ASSERT_EQ(found.size(), 2 * count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_LT(worst_difference(found[i], expected("query", batch_.views[i])), 1e-15);
      const at::Tensor& view = batch_.views[3 - count + i];
      EXPECT_LT(worst_difference(found[count + i], expected("key", view)), 1e-15);
      EXPECT_TRUE(found[i].requires_grad());
      EXPECT_FALSE(found[count + i].requires_grad());
    }
  }
  EXPECT_THROW(encoders_.embed(batch_, 4), c10::Error);
}

TEST_F(MomentumEncodersTest, TheKeysFollowTheQueriesEncoderAndHead) {
  const Follower follower = encoders_.follower();
  EXPECT_EQ(follower.online->named_parameters().keys(),
            (std::vector<std::string>{"projection.linear1.weight", "projection.linear1.bias"}));
  EXPECT_EQ(follower.target->named_parameters().keys(), follower.online->named_parameters().keys());
  EXPECT_TRUE(parameter(*follower.target, "projection.linear1.bias")
                  .is_same(parameter(encoders_, "key.projection.linear1.bias")));
  EXPECT_EQ(follower.momentum(0.5), 0.7);
  EXPECT_EQ(encoders_.width(), 5);
}

}  // namespace
}  // namespace nearfar
