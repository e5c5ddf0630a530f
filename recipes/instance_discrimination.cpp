// Instance discrimination (Wu et al. 2018): every image is a class of its own, told from all others
// by its feature in a memory bank.
#include "augment/view_presets.h"
#include "framework/losses/npid.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/bank_contrast.h"
#include "recipes/blocks/feature_bank.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {

// Shapes: n local samples, D of the projection.

struct InstanceDiscriminationConfig {
  BankContrastConfig contrast;
  double proximal = 0.0;
  ProjectionHeadConfig projection{.layers = 1, .batch_norm = false, .weight_std = 0.0};
  FeatureBankConfig bank;
  ViewPolicy view = find_view_preset("npid")->views.front();

  void describe(auto& field) {
    contrast.describe(field);
    field("proximal", proximal, 0.0, 1000.0, "weight of the squared distance to the bank's row");
    field("projection", projection, "the head between encoder and loss");
    field("bank", bank, "the memory bank, a row for each image of the data set");
    field("view", view, "how the view of an image is drawn");
  }
};

class InstanceDiscrimination final : public Recipe {
 public:
  InstanceDiscrimination(const InstanceDiscriminationConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    const auto add = [this](const char* name, auto part) { return register_module(name, part); };
    encoder_ = add("encoder", setup.make_encoder(config.view.size));
    head_ = add("projection", std::make_shared<ProjectionHead>(encoder_->width(), config.projection,
                                                               setup.plan.norm));
    bank_ = add("bank", std::make_shared<FeatureBank>(setup.data.size, config.projection.width,
                                                      config.bank, setup.plan.seed, group_));
    contrast_ =
        add("contrast", std::make_shared<BankContrast>(config.contrast, setup.data.size, group_));
  }

  std::vector<ViewPolicy> views() const override { return {config_.view}; }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {head_->forward(encoder_->forward(batch.views[0], random))};
  }

  Loss loss(const Embeddings& f_nD, const Batch& batch) override {
    Loss loss = contrast_->loss(f_nD[0], bank_->rows(), batch);
    if (config_.proximal > 0.0) {
      loss.value =
          loss.value + npid_proximal(group_, f_nD[0], bank_->rows(), batch.shard, batch.index) *
                           config_.proximal;
      loss.random_guess += 2.0 * config_.proximal;  // unit rows that have nothing in common
    }
    return loss;
  }

  void after_step(const Embeddings& f_nD, const Batch& batch) override {
    contrast_->keep(f_nD[0], bank_->rows(), batch);
    bank_->update(group_, f_nD[0], batch.index, batch.shard);
  }

  void before_epoch(EpochContext&) override { contrast_->find_densities(bank_->rows()); }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  InstanceDiscriminationConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> head_;
  std::shared_ptr<FeatureBank> bank_;
  std::shared_ptr<BankContrast> contrast_;
};

}  // namespace nearfar

NEARFAR_RECIPE(
    nearfar::InstanceDiscrimination, nearfar::InstanceDiscriminationConfig,
    "instance_discrimination", "every image is a class, told from the others by a memory bank",
    "Wu et al. 2018, Unsupervised Feature Learning via Non-Parametric Instance Discrimination")
