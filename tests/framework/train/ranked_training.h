// Trainings of a float64 recipe over thread ranks.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <memory>
#include <vector>

#include "distributed/gather.h"
#include "distributed/thread_group.h"
#include "framework/train/training.h"

namespace nearfar {

constexpr int64_t kRankedSide = 32;

struct RankedConfig {
  int64_t missing_on = -1;  // the rank whose loss leaves one parameter out
  void describe(Fields& field) {
    field("missing_on", missing_on, int64_t{-1}, int64_t{100}, "rank without `bias`");
  }
};

/// An encoder in float64, a linear layer, and a loss over the embeddings of all ranks that owns a
/// parameter of its own.
class RankedRecipe final : public Recipe {
 public:
  RankedRecipe(const RankedConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    scale_ = register_parameter("scale", at::ones({4}, at::kDouble));
    encoder_ = register_module("encoder", setup.make_encoder(kRankedSide));
    encoder_->to(at::kDouble);
    weight_ = register_parameter("weight", at::randn({4, encoder_->width()}, at::kDouble));
    bias_ = register_parameter("bias", at::randn({4}, at::kDouble));
    frozen_ = register_parameter("frozen", at::ones({4}, at::kDouble));
  }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{.size = kRankedSide}}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    const at::Tensor features = encoder_->forward(batch.views[0].to(at::kDouble), random);
    return {features.matmul(weight_.t()) * frozen_};
  }
  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    const int64_t total = batch.shard.total;
    at::Tensor mine = (embeddings[0] * scale_).tanh();
    if (config_.missing_on != group_.rank()) mine = mine + bias_;
    const at::Tensor all = gather_with_grad(group_, mine, rows_by_rank(total, group_.size()));
    const double weight = static_cast<double>(group_.size()) / static_cast<double>(total);
    return {mine.matmul(all.t()).square().mean(1).sum() * weight, 1.0, {}};
  }
  std::vector<ParameterGroup> parameter_groups() override {
    std::vector<ParameterGroup> groups = Recipe::parameter_groups();
    std::erase_if(groups[1].parameters, [](const auto& item) { return item.first == "frozen"; });
    groups.push_back(
        {.name = "frozen", .parameters = {{"frozen", frozen_}}, .frozen = true, .fixed_rate = {}});
    return groups;
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  RankedConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
  at::Tensor scale_, weight_, bias_, frozen_;
};

inline RunConfig ranked_config(int64_t missing_on = -1) {
  static const RecipePlugin plugin =
      make_recipe_plugin<RankedRecipe, RankedConfig>("ranked", "for tests", "none");
  RunConfig config = make_run_config(plugin);
  static_cast<RankedConfig*>(config.recipe.config.get())->missing_on = missing_on;
  config.encoder.name = "tiny";
  config.encoder.width = 2;
  config.encoder.norm_batch = 4;
  config.train.batch = 16;
  config.schedule.warmup_epochs = 0.0;
  config.optimizer.learning_rate = 0.1;
  config.device = "cpu";
  return config;
}

/// A rank's training, of `config` as it stands.
inline std::unique_ptr<Training> ranked_training(
    const RunConfig& config, Group& group, uint64_t seed = 3,
    FiniteFlag::Reading reading = FiniteFlag::Reading::at_once) {
  DatasetInfo info;
  info.channels = 1;
  info.size = 2000;
  TrainPlan plan;
  plan.batch = config.train.batch;
  plan.steps = plan.steps_per_epoch = 100;
  plan.epochs = 1;
  plan.seed = seed;
  plan.norm = {config.encoder.norm_batch, &group};
  return std::make_unique<Training>(config, info, plan, group, at::kCPU, reading);
}

/// A rank's rows of a batch of made-up images.
inline ViewBatch ranked_batch(const RunConfig& config, int64_t step, const Group& group) {
  ViewBatch batch;
  batch.shard = shard(config.train.batch, group.size(), group.rank());
  batch.channels = 1;
  batch.targets.resize(1);
  batch.targets.front().size = {kRankedSide, kRankedSide};
  batch.views.emplace_back();
  for (int64_t i = batch.shard.begin; i < batch.shard.end; ++i) {
    batch.index.push_back(i);
    batch.label.push_back(-1);
    for (int64_t p = 0; p < kRankedSide * kRankedSide; ++p) {
      batch.views.front().push_back(static_cast<float>(
          std::sin(0.1 * static_cast<double>(p * (i + 1) + 7 * step)) + 0.05 * (i % 3)));
    }
  }
  return batch;
}

}  // namespace nearfar
