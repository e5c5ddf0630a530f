// Supervised metric learning: images of a class (or of near targets) are near, others far, by any
// of the losses of recipes/blocks/metric_loss, so that classes never seen are told apart as well.
#include "framework/recipe/plugin.h"
#include "recipes/blocks/metric_loss.h"
#include "recipes/blocks/projection_head.h"
#include "recipes/blocks/supervision.h"

namespace nearfar {

// Shapes: n local samples, D of the embedding.

struct MetricConfig {
  MetricLossConfig loss;
  // No layer: the loss learns the encoder's features themselves, and they are what papers judge and
  // what `nearfar evaluate` judges here. Behind a head, the features before it are judged.
  ProjectionHeadConfig projection{.layers = 0, .width = 0, .batch_norm = false, .weight_std = 0.0};
  ViewPolicy view = crops_and_flips();

  void describe(auto& field) {
    loss.describe(field);
    field("projection", projection,
          "a head between encoder and loss; evaluation judges the encoder's features before it");
    field("view", view, "how the view of an image is drawn");
  }
};

class Metric final : public Recipe {
 public:
  Metric(const MetricConfig& config, const Setup& setup) : config_(config) {
    encoder_ = register_module("encoder", setup.make_encoder(config.view.size));
    head_ = register_module(
        "projection",
        std::make_shared<ProjectionHead>(encoder_->width(), config.projection, setup.plan.norm));
    loss_ = register_module("loss", make_metric_loss({config_.loss, head_->width(), setup.group,
                                                      setup.data, setup.plan}));
  }

  std::vector<ViewPolicy> views() const override { return {config_.view}; }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {head_->forward(encoder_->forward(batch.views[0], random))};
  }

  Loss loss(const Embeddings& z_nD, const Batch& batch) override {
    return loss_->loss(z_nD[0], batch);
  }

  void after_step(const Embeddings& z_nD, const Batch& batch) override {
    loss_->after_step(z_nD[0], batch);
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  MetricConfig config_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> head_;
  std::shared_ptr<MetricLoss> loss_;
};

}  // namespace nearfar

NEARFAR_RECIPE(
    nearfar::Metric, nearfar::MetricConfig, "metric",
    "supervised metric learning: margins, pairs, triplets, N-pairs, log-ratio",
    "Musgrave, Belongie, Lim 2020, A Metric Learning Reality Check, compares its losses; "
    "each loss cites its own")
