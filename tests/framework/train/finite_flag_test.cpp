// A step that is not finite moves nothing, whether the host reads the flag at once or late.
#include "framework/train/finite_flag.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "framework/error.h"
#include "framework/train/training.h"

namespace nearfar {
namespace {

at::Tensor number(double value) { return at::scalar_tensor(value, at::kDouble); }

TEST(FiniteFlag, StaysUpOnceRaised) {
  FiniteFlag flag(at::kCPU, FiniteFlag::Reading::at_once);
  flag.note(0, number(1.0), number(2.0));
  EXPECT_EQ(flag.not_finite().item<float>(), 0.0f);
  EXPECT_FALSE(flag.failure());
  flag.note(1, number(3.0), number(INFINITY));
  flag.note(2, number(1.0), number(2.0));
  EXPECT_EQ(flag.not_finite().item<float>(), 1.0f);
  const auto failure = flag.failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->step, 1);
  EXPECT_EQ(failure->loss, 3.0);
  EXPECT_TRUE(std::isinf(failure->gradient_norm));
}

TEST(FiniteFlag, LateReadingLeavesTheNewestStepAlone) {
  FiniteFlag flag(at::kCPU, FiniteFlag::Reading::late);
  flag.note(5, number(NAN), number(1.0));
  EXPECT_FALSE(flag.failure());
  EXPECT_EQ(flag.not_finite().item<float>(), 1.0f);
  flag.note(6, number(1.0), number(1.0));
  ASSERT_TRUE(flag.failure());
  EXPECT_EQ(flag.failure()->step, 5);

  FiniteFlag settled(at::kCPU, FiniteFlag::Reading::late);
  settled.note(7, number(NAN), number(1.0));
  ASSERT_TRUE(settled.settle());
  EXPECT_EQ(settled.settle()->step, 7);
}

TEST(FiniteFlag, NobodyHearsOfItWhereNoneLooks) {
  FiniteFlag flag(at::kCPU, FiniteFlag::Reading::never);
  flag.note(0, number(NAN), number(1.0));
  EXPECT_FALSE(flag.failure());
  EXPECT_FALSE(flag.settle());
  EXPECT_EQ(flag.not_finite().item<float>(), 1.0f);
}

struct NoConfig {
  void describe(Fields&) {}
};

constexpr int64_t kPoisoned = 1000;  // an index whose image makes the loss NaN

/// An encoder with a follower, a queue that moves after each step, and a loss that one image
/// spoils.
class PoisonedRecipe final : public Recipe {
 public:
  PoisonedRecipe(const NoConfig&, const Setup& setup) {
    online_ = register_module("online", setup.make_encoder(8));
    target_ = register_module("target", setup.make_encoder(8));
    queue_ = register_buffer("queue", at::zeros({4, online_->width()}));
  }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{.size = 8}}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {online_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    const at::Tensor spoilt = batch.index.eq(kPoisoned).any().to(at::kFloat);
    return {(embeddings[0] - queue_ - 1.0).square().mean() + (-spoilt).sqrt(), 1.0, {}};
  }
  void after_step(const Embeddings& embeddings, const Batch&) override {
    queue_.copy_(embeddings[0] * 0.5);
  }
  std::vector<Follower> followers() override {
    return {{online_, target_, [](double) { return 0.9; }}};
  }
  std::shared_ptr<Encoder> encoder() const override { return online_; }

 private:
  std::shared_ptr<Encoder> online_, target_;
  at::Tensor queue_;
};

RunConfig poisoned_config() {
  static const RecipePlugin plugin =
      make_recipe_plugin<PoisonedRecipe, NoConfig>("poisoned", "for tests", "none");
  RunConfig config = make_run_config(plugin);
  config.encoder.name = "tiny";
  config.encoder.width = 2;
  config.train.batch = 4;
  config.schedule.warmup_epochs = 0.0;
  config.device = "cpu";
  return config;
}

ViewBatch four_images(int64_t first, float brightness) {
  ViewBatch batch;
  batch.shard = {0, 4, 4};
  batch.channels = 1;
  batch.targets.resize(1);
  batch.targets.front().size = {8, 8};
  batch.views.emplace_back();
  for (int64_t i = 0; i < 4; ++i) {
    batch.index.push_back(first + i);
    batch.label.push_back(-1);
    for (int64_t p = 0; p < 64; ++p) {
      batch.views.front().push_back(
          brightness *
          static_cast<float>(std::sin(0.1 * static_cast<double>(p * (first + i + 1)))));
    }
  }
  return batch;
}

/// Two good steps, the poisoned one, and then what the reading allows before it throws.
void expect_state_of_before(FiniteFlag::Reading reading) {
  const RunConfig config = poisoned_config();
  DatasetInfo info;
  info.channels = 1;
  info.size = 2000;
  TrainPlan plan;
  plan.batch = 4;
  plan.steps = plan.steps_per_epoch = 500;
  plan.epochs = 1;
  SoloGroup group;
  plan.norm = {0, &group};
  Training training(config, info, plan, group, at::kCPU, reading);
  training.train_step(four_images(0, 1.0f));
  training.train_step(four_images(4, 0.5f));
  const std::vector<GenerationFile> before = training.save();
  const auto go_on = [&] {
    training.train_step(four_images(kPoisoned, 1.0f));
    training.train_step(four_images(8, 0.7f));
  };
  EXPECT_THROW(go_on(), DivergedError);
  ASSERT_TRUE(training.failure());
  EXPECT_EQ(training.failure()->step, 2);
  EXPECT_EQ(training.step(), 2);
  EXPECT_TRUE(training.save() == before);
}

TEST(FiniteFlag, AFailingStepMovesNothingReadAtOnce) {
  expect_state_of_before(FiniteFlag::Reading::at_once);
}

TEST(FiniteFlag, AFailingStepAndTheNextMoveNothingReadLate) {
  expect_state_of_before(FiniteFlag::Reading::late);
}

}  // namespace
}  // namespace nearfar
