// SimCLR (Chen et al. 2020, v2: Chen et al. 2020b): two views of an image attract, all others
// repel.
#include "augment/two_views.h"
#include "distributed/group.h"
#include "framework/losses/nt_xent.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {

// Shapes: n local samples, H features of the encoder, D of the projection.

struct SimClrConfig {
  double temperature = 0.1;
  ProjectionHeadConfig projection;
  TwoViews views;

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("projection", projection, "the head between encoder and loss");
    views.describe(field);
  }
};

class SimClr final : public Recipe {
 public:
  SimClr(const SimClrConfig& config, const Setup& setup) : config_(config), group_(setup.group) {
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
    head_ = register_module(
        "projection",
        std::make_shared<ProjectionHead>(encoder_->width(), config.projection, setup.plan.norm));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    Embeddings z_nD;
    for (const at::Tensor& view : batch.views) {
      z_nD.push_back(head_->forward(encoder_->forward(view, random)));
    }
    return z_nD;
  }

  Loss loss(const Embeddings& z_nD, const Batch& batch) override {
    return {nt_xent(group_, z_nD[0], z_nD[1], config_.temperature, batch.shard),
            nt_xent_random_guess(batch.shard.total),
            {}};
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  SimClrConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> head_;
};

}  // namespace nearfar

NEARFAR_RECIPE(
    nearfar::SimClr, nearfar::SimClrConfig, "simclr",
    "two views of an image attract, all other images of the batch repel",
    "Chen et al. 2020, A Simple Framework for Contrastive Learning of Visual Representations")
