// A recipe that is healthy but for what a test asks for: one image whose embedding is NaN, a loss
// whose gradient alone is NaN, or a buffer that overflows after a step.
#include <limits>

#include "augment/two_views.h"
#include "framework/losses/nt_xent.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {
namespace {

struct PoisonedConfig {
  int64_t image = -1;
  int64_t gradient_at = -1;
  int64_t overflow_at = -1;
  ProjectionHeadConfig projection;
  TwoViews views;

  void describe(auto& field) {
    constexpr int64_t kMost = int64_t{1} << 40;
    field("image", image, int64_t{-1}, kMost, "its first view's embedding is NaN; -1: none");
    field("gradient_at", gradient_at, int64_t{-1}, kMost,
          "before this many steps the gradient is finite; -1: always");
    field("overflow_at", overflow_at, int64_t{-1}, kMost,
          "a buffer is infinite after this step; -1: never");
    field("projection", projection, "the head between encoder and loss");
    views.describe(field);
  }
};

class Poisoned final : public Recipe {
 public:
  Poisoned(const PoisonedConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
    head_ = register_module(
        "projection",
        std::make_shared<ProjectionHead>(encoder_->width(), config.projection, setup.plan.norm));
    total_ = register_buffer("total", at::zeros({1}));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    Embeddings z;
    for (const at::Tensor& view : batch.views) {
      z.push_back(head_->forward(encoder_->forward(view, random)));
    }
    const at::Tensor poisoned = (batch.index == config_.image).unsqueeze(1);
    z[0] = z[0].masked_fill(poisoned, std::numeric_limits<double>::quiet_NaN());
    return z;
  }

  Loss loss(const Embeddings& z, const Batch& batch) override {
    at::Tensor value = nt_xent(group_, z[0], z[1], 0.5, batch.shard);
    if (config_.gradient_at >= 0 && batch.step >= config_.gradient_at) {
      // Zero, but the root's slope at zero is infinite, and zero times infinity is NaN.
      value = value + (z[0] * 0.0).sum().sqrt();
    }
    return {value, nt_xent_random_guess(batch.shard.total), {}};
  }

  void after_step(const Embeddings&, const Batch& batch) override {
    if (batch.step + 1 == config_.overflow_at) {
      total_.fill_(std::numeric_limits<double>::infinity());
    }
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  PoisonedConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> head_;
  at::Tensor total_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Poisoned, nearfar::PoisonedConfig, "poisoned", "diverges: for tests",
               "none")
