// What a recipe moves without gradient survives a restart: queue, follower, and its own order of an
// epoch.
#include <gtest/gtest.h>

#include "framework/files/file_system.h"
#include "framework/train/epoch_loop.h"
#include "framework/train/plan.h"
#include "tests/framework/files/temporary_folder.h"

namespace nearfar {
namespace {

constexpr int64_t kImages = 24, kBatch = 4, kSteps = 12;  // two epochs of six steps

/// Gray images of 8 x 8, all pixels of image i equal to 10 i, with targets i and -i.
class FlatImages final : public Dataset {
 public:
  FlatImages() {
    info_.name = "flat";
    info_.size = kImages;
    info_.channels = 1;
    info_.height = info_.width = 8;
    info_.targets = {"i", "minus"};
    for (int64_t i = 0; i < kImages; ++i) {
      targets_.insert(targets_.end(), {static_cast<float>(i), static_cast<float>(-i)});
    }
  }
  const DatasetInfo& info() const override { return info_; }
  int64_t label(int64_t) const override { return -1; }
  std::span<const float> target(int64_t index) const override {
    return std::span(targets_).subspan(static_cast<size_t>(2 * index), 2);
  }
  std::string place(int64_t index) const override { return std::to_string(index); }
  Image read(int64_t index, PixelBuffer& storage) const override {
    storage.bytes.assign(64, static_cast<uint8_t>(10 * index));
    return whole_image(storage.bytes.data(), 8, 8, 1);
  }

 private:
  DatasetInfo info_;
  std::vector<float> targets_;
};

struct NoConfig {
  void describe(Fields&) {}
};

/// Every image seen, in order, over all recipes of this test program.
std::vector<int64_t> seen;

/// A queue of embeddings that enters the loss, a follower, and epochs from the last image to the
/// first.
class StatefulRecipe final : public Recipe {
 public:
  StatefulRecipe(const NoConfig&, const Setup& setup) {
    online_ = register_module("online", setup.make_encoder(8));
    target_ = register_module("target", setup.make_encoder(8));
    queue_ = register_buffer("queue", at::zeros({kBatch, online_->width()}));
  }
  std::vector<ViewPolicy> views() const override {
    ViewPolicy policy;
    policy.size = 8;
    policy.blur = 0.0;
    return {policy};
  }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {online_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {(embeddings[0] - queue_ - 1.0).square().mean(), 1.0, {}};
  }
  void after_step(const Embeddings& embeddings, const Batch& batch) override {
    queue_.copy_(embeddings[0] * 0.5);
    EXPECT_TRUE(batch.target.equal(at::stack({batch.index, -batch.index}, 1).to(at::kFloat)));
    for (int64_t i = 0; i < batch.index.numel(); ++i)
      seen.push_back(batch.index[i].item<int64_t>());
  }
  void before_epoch(EpochContext& context) override {
    for (int64_t i = 0; i < kImages; ++i) {
      context.order[static_cast<size_t>(i)] = (kImages - 1 - i + context.epoch) % kImages;
    }
  }
  std::vector<Follower> followers() override {
    return {{online_, target_, [](double progress) { return 0.9 + 0.1 * progress; }}};
  }
  std::shared_ptr<Encoder> encoder() const override { return online_; }

 private:
  std::shared_ptr<Encoder> online_, target_;
  at::Tensor queue_;
};

ResolvedRun stateful_run() {
  static const RecipePlugin plugin =
      make_recipe_plugin<StatefulRecipe, NoConfig>("stateful", "for tests", "none");
  ResolvedRun run;
  run.library.plugin = &plugin;
  run.config = make_run_config(plugin);
  run.config.encoder.name = "tiny";
  run.config.encoder.width = 2;
  run.config.train.batch = kBatch;
  run.config.train.epochs = 2;
  run.config.train.checkpoint_every = 1;
  run.config.train.keep = 100;
  run.config.schedule.warmup_epochs = 0.0;
  run.config.optimizer.learning_rate = 1.0;
  run.config.data.workers = 1;
  run.config.device = "cpu";
  run.data.train = std::make_shared<FlatImages>();
  return run;
}

/// Trains in `folder` from the checkpoint that is there; returns model.safetensors of the last
/// step.
std::vector<uint8_t> train(const std::string& folder) {
  const ResolvedRun run = stateful_run();
  SoloGroup group;
  ProgressOptions quiet;
  quiet.quiet = true;
  ProgressBar progress(2, quiet);
  Log log;
  Training training(run.config, run.data.train->info(), plan_of(run, group), group, at::kCPU);
  const StopSignals signals;
  EpochLoop loop(run, {folder}, training, group, signals, progress, log);
  real_file_system().make_directories(RunFolder{folder}.checkpoints());
  loop.restore(newest_generation(RunFolder{folder}.checkpoints(), log));
  EXPECT_EQ(loop.run(), 0);
  return read_file(folder + "/checkpoints/gen-12/model.safetensors");
}

std::vector<int64_t> expected_order() {
  std::vector<int64_t> order;
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    for (int64_t i = 0; i < kImages; ++i) order.push_back((kImages - 1 - i + epoch) % kImages);
  }
  return order;
}

TEST(RecipeState, TheRecipesOwnOrderIsFollowed) {
  const TemporaryFolder folder;
  seen.clear();
  train(folder.path());
  EXPECT_EQ(seen, expected_order());
}

TEST(RecipeState, SurvivesARestartAtEveryStep) {
  const TemporaryFolder whole;
  const std::vector<uint8_t> expected = train(whole.path());
  for (int64_t step : {1, 3, 6, 7, 11}) {
    const TemporaryFolder stopped;
    std::filesystem::create_directories(stopped / "checkpoints");
    const std::string generation = "checkpoints/gen-" + std::to_string(step);
    std::filesystem::copy(whole / generation, stopped / generation,
                          std::filesystem::copy_options::recursive);
    seen.clear();
    EXPECT_EQ(train(stopped.path()), expected) << "restarted after step " << step;
    const std::vector<int64_t> order = expected_order();
    EXPECT_EQ(seen, std::vector<int64_t>(order.begin() + step * kBatch, order.end()));
  }
}

TEST(RecipeState, TheFollowerLagsAndTheQueueMoves) {
  const TemporaryFolder folder;
  train(folder.path());
  const SafetensorsFile file = read_safetensors(folder / "checkpoints/gen-12/model.safetensors");
  EXPECT_NE(file.at("online.conv1.weight").bytes, file.at("target.conv1.weight").bytes);
  const std::vector<uint8_t>& queue = file.at("queue").bytes;
  EXPECT_TRUE(std::any_of(queue.begin(), queue.end(), [](uint8_t byte) { return byte != 0; }));
}

}  // namespace
}  // namespace nearfar
