// What is settled by measuring the machine: which micro-batch fits, and what the meter sees.
#include "framework/train/fit_device.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "framework/train/memory_meter.h"

namespace nearfar {
namespace {

TEST(MemoryMeter, SeesThePeakAndNotTheSum) {
  constexpr int64_t kFloats = 1 << 20;
  const int64_t peak = peak_bytes([] {
    at::Tensor a = at::zeros({kFloats});
    { const at::Tensor b = at::zeros({2 * kFloats}); }
    const at::Tensor c = at::zeros({kFloats});
  });
  EXPECT_EQ(peak, 3 * kFloats * 4);
}

TEST(MemoryMeter, SeesWhatBackwardTakes) {
  constexpr int64_t kFloats = 1 << 20;
  const at::Tensor x = at::ones({kFloats}).requires_grad_();
  // x squared, its factor for backward, and the gradient: at least three tensors live at once.
  const int64_t peak = peak_bytes([&] { (x * x).exp().sum().backward(); });
  EXPECT_GE(peak, 3 * kFloats * 4);
}

TEST(MemoryMeter, SeesWhatTheProcessHolds) {
  constexpr int64_t kBytes = int64_t{256} << 20;
  const int64_t before = peak_resident_bytes([] {});
  const int64_t during = peak_resident_bytes([] { at::zeros({kBytes / 4}).add_(1.0); });
  const int64_t after = peak_resident_bytes([] {});
  // A tenth for whatever else the process does.
  EXPECT_NEAR(static_cast<double>(during - before), kBytes, 0.1 * kBytes);
  EXPECT_LT(after - before, kBytes / 10);
}

TEST(FitDevice, TakesTheLargestWholeNumberOfUnits) {
  EXPECT_EQ(largest_piece(100.0, 10.0, 1000.0, 16), 80);
  EXPECT_EQ(largest_piece(100.0, 10.0, 259.0, 16), 0);
  EXPECT_EQ(largest_piece(100.0, 10.0, 260.0, 16), 16);
  EXPECT_EQ(largest_piece(2000.0, 10.0, 1000.0, 16), 0);
}

struct NoConfig {
  void describe(Fields&) {}
};

/// An encoder whose features shall be alike.
class AlikeRecipe final : public Recipe {
 public:
  AlikeRecipe(const NoConfig&, const Setup& setup) {
    encoder_ = register_module("encoder", setup.make_encoder(8));
  }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{.size = 8}}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {embeddings[0].var(0).sum(), 0.0, {}};
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  std::shared_ptr<Encoder> encoder_;
};

/// What is settled for a batch with groups of norm_batch images, with parameters and buffers left
/// as they were.
DeviceFit settle(int64_t batch, int64_t norm_batch, double gibibytes) {
  static const RecipePlugin plugin =
      make_recipe_plugin<AlikeRecipe, NoConfig>("alike", "for tests", "none");
  RunConfig config = make_run_config(plugin);
  config.encoder.name = "tiny";
  config.encoder.width = 16;
  config.encoder.norm_batch = norm_batch;
  config.train.batch = batch;
  config.train.precision = "auto";
  config.train.memory = gibibytes;
  config.data.workers = 1;
  config.device = "cpu";
  DatasetInfo info;
  info.channels = 1;
  TrainPlan plan;
  plan.batch = batch;
  plan.steps = plan.steps_per_epoch = plan.epochs = 1;
  SoloGroup group;
  plan.norm = {norm_batch, &group};
  Training training(config, info, plan, group, at::kCPU);
  const auto before = training.state_files(training.whole_state());
  Log log;
  const DeviceFit fit = fit_device(config, training, group, log);
  EXPECT_TRUE(training.state_files(training.whole_state()) == before);
  EXPECT_NO_THROW(check_micro_batch(training.recipe(), fit.micro_batch, batch, norm_batch, 1));
  return fit;
}

TEST(FitDevice, SettlesPrecisionAndMicroBatchTogether) {
  // Far more memory than this takes: the whole batch fits, whatever was timed before.
  EXPECT_EQ(settle(256, 256, 64.0).micro_batch, 256);
  EXPECT_EQ(settle(256, 64, 64.0).micro_batch, 256);
}

TEST(FitDevice, TimesPrecisionsOnWholeGroups) {
  const DeviceFit fit = settle(254, 127, 0.0);
  EXPECT_TRUE(fit.precision == "fp32" || fit.precision == "bf16") << fit.precision;
  EXPECT_EQ(fit.micro_batch, 0);
}

}  // namespace
}  // namespace nearfar
