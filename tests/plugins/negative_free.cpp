// A recipe that must collapse: two views of an image attract, and nothing else; SimSiam (Chen & He
// 2021) without its stop-gradient and its predictor.
#include "augment/two_views.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {
namespace {

struct NegativeFreeConfig {
  ProjectionHeadConfig projection;
  TwoViews views;

  void describe(auto& field) {
    field("projection", projection, "the head between encoder and loss");
    views.describe(field);
  }
};

at::Tensor unit(const at::Tensor& rows) {
  return rows / rows.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12);
}

class NegativeFree final : public Recipe {
 public:
  NegativeFree(const NegativeFreeConfig& config, const Setup& setup) : config_(config) {
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
    head_ = register_module(
        "projection",
        std::make_shared<ProjectionHead>(encoder_->width(), config.projection, setup.plan.norm));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    Embeddings embeddings;
    for (const at::Tensor& view : batch.views) {
      embeddings.push_back(head_->forward(encoder_->forward(view, random)));
    }
    return embeddings;
  }

  /// Minus the cosine of both views, -1 at best; the gradient goes into both.
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    return {-(unit(embeddings[0]) * unit(embeddings[1])).sum(1).mean(), 0.0, {}};
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  NegativeFreeConfig config_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> head_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::NegativeFree, nearfar::NegativeFreeConfig, "negative_free",
               "collapses: for tests", "none")
