// MoCo v3 (Chen, Xie and He 2021): predictions of each view attract the momentum encoder's key of
// the other view and repel those of all other images; no queue.
#include "augment/two_views.h"
#include "framework/error.h"
#include "framework/losses/moco.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/momentum_encoders.h"

namespace nearfar {

// Shapes: n local samples, D features of the embeddings.

struct MocoV3Config {
  double temperature = 1.0;
  ProjectionHeadConfig projection{
      .hidden = 4096, .width = 256, .last_norm = "plain", .weight_std = 0.0};
  ProjectionHeadConfig predictor{
      .hidden = 4096, .width = 0, .last_norm = "none", .weight_std = 0.0};
  MomentumConfig momentum{.start = 0.99, .final = 1.0, .schedule = "cosine"};
  bool freeze_patch_embedding = true;
  TwoViews views{"byol"};

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("projection", projection, "the head of both encoders; published with 3 layers for ViTs");
    field("predictor", predictor, "the head behind that of the queries, and as wide");
    field("momentum", momentum, "how slowly the momentum encoder follows");
    field("freeze_patch_embedding", freeze_patch_embedding,
          "patch_embed of an encoder that has one stays as it starts (section 4.2)");
    views.describe(field);
  }
};

class MocoV3 final : public Recipe {
 public:
  MocoV3(const MocoV3Config& config, const Setup& setup) : config_(config), group_(setup.group) {
    encoders_ = register_module(
        "encoders", std::make_shared<MomentumEncoders>(setup, config.views.first.size,
                                                       config.projection, config.momentum));
    const int64_t width = encoders_->width();
    predictor_ = register_module(
        "predictor", std::make_shared<ProjectionHead>(width, config.predictor, setup.plan.norm));
    if (predictor_->width() != width) {
      throw ConfigError("recipe.predictor.width: expected 0 or recipe.projection.width, " +
                        std::to_string(width) + ", got " + std::to_string(predictor_->width()));
    }
    for (auto& item : encoder()->named_parameters()) {
      const bool frozen = config.freeze_patch_embedding && item.key().starts_with("patch_embed.");
      if (frozen) item.value().requires_grad_(false);
    }
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }
  std::vector<Follower> followers() override { return {encoders_->follower()}; }
  std::shared_ptr<Encoder> encoder() const override { return encoders_->encoder(); }

  /// Predictions of both views, then keys of both.
  Embeddings embed(const Batch& batch) override {
    Embeddings z_nD = encoders_->embed(batch, 2);
    for (size_t v = 0; v < 2; ++v) z_nD[v] = predictor_->forward(z_nD[v]);
    return z_nD;
  }

  Loss loss(const Embeddings& z_nD, const Batch& batch) override {
    return {
        moco_v3_loss(group_, z_nD[0], z_nD[1], z_nD[2], z_nD[3], config_.temperature, batch.shard),
        moco_v3_random_guess(batch.shard.total, config_.temperature),
        {}};
  }

 private:
  MocoV3Config config_;
  Group& group_;
  std::shared_ptr<MomentumEncoders> encoders_;
  std::shared_ptr<ProjectionHead> predictor_;
};

}  // namespace nearfar

NEARFAR_RECIPE(
    nearfar::MocoV3, nearfar::MocoV3Config, "mocov3",
    "predictions of each view attract the momentum key of the other; no queue",
    "Chen et al. 2021, An Empirical Study of Training Self-Supervised Vision Transformers")
