// Instance discrimination in training on made-up images, for the tests of its bank.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/settings.h"
#include "framework/recipe/library.h"
#include "framework/train/module_state.h"
#include "framework/train/training.h"

namespace nearfar {

inline std::vector<std::string> bank_settings(int64_t noise, bool sharded,
                                              const char* type = "float32") {
  return {"noise=" + std::to_string(noise),
          "temperature=0.5",
          "proximal=0.5",
          "projection.width=8",
          std::string("bank.type=") + type,
          std::string("bank.sharded=") + (sharded ? "true" : "false")};
}

/// A training of the recipe on made-up images, batches of which show some images twice.
struct Course {
  explicit Course(const std::vector<std::string>& chosen) : config(make_run_config(plugin())) {
    Settings all;
    for (const std::string& setting : chosen) all.add_assignment(setting, "test");
    all.add_assignment("view.size=" + std::to_string(kSide), "test");
    all.apply([&](Fields& field) { plugin().describe(config.recipe.config.get(), field); });
    config.encoder.name = "tiny";
    // oneDNN's gradient of 1x1 convolutions (AVX2, float32) writes beyond weights of fewer
    // channels.
    config.encoder.width = 8;
    config.train.batch = kBatch;
    config.train.check_ranks = 1;
    config.schedule.warmup_epochs = 0.0;
    config.optimizer.learning_rate = 0.1;
    config.device = "cpu";
  }

  static const RecipePlugin& plugin() { return *open_recipe("instance_discrimination").plugin; }

  std::unique_ptr<Training> training(Group& group) const {
    DatasetInfo info;
    info.channels = 1;
    info.size = kImages;
    TrainPlan plan;
    plan.batch = kBatch;
    plan.steps = plan.steps_per_epoch = 20;
    plan.epochs = 1;
    plan.seed = 3;
    plan.norm = {0, &group, {}};
    return std::make_unique<Training>(config, info, plan, group, at::kCPU);
  }

  static ViewBatch batch(int64_t step, const Group& group) {
    ViewBatch batch;
    batch.shard = shard(kBatch, group.size(), group.rank());
    batch.channels = 1;
    batch.targets.resize(1);
    batch.targets.front().size = {kSide, kSide};
    batch.views.emplace_back();
    for (int64_t i = batch.shard.begin; i < batch.shard.end; ++i) {
      batch.index.push_back((i * i + 3 * step) % kImages);
      batch.label.push_back(-1);
      for (int64_t p = 0; p < kSide * kSide; ++p) {
        batch.views.front().push_back(
            static_cast<float>(std::sin(0.1 * static_cast<double>(p * (i + 1) + 7 * step))));
      }
    }
    return batch;
  }

  static constexpr int64_t kSide = 16, kBatch = 8, kImages = 30;
  RunConfig config;
};

inline at::Tensor tensor_of(const NamedTensors& state, const std::string& wanted) {
  for (const auto& [name, tensor] : state) {
    if (name == wanted) return tensor.clone();
  }
  return {};
}

}  // namespace nearfar
