// Supervised training: an encoder and a linear classifier learn given labels, as in the
// fine-tuning of SimCLR (Chen et al. 2020, appendix B.5) and for the baseline without pretraining.
#include <torch/types.h>

#include <cmath>

#include "augment/view_policy.h"
#include "distributed/group.h"
#include "framework/encoders/layers.h"
#include "framework/recipe/plugin.h"
#include "framework/widened.h"
#include "recipes/blocks/supervision.h"

namespace nearfar {

// Shapes: n local samples, H features of the encoder, C classes.

struct SupervisedConfig {
  ViewPolicy view = crops_and_flips();
  bool zero_start = true;

  void describe(auto& field) {
    field("view", view, "how the view of an image is drawn");
    field("zero_start", zero_start,
          "the classifier starts at zero (google-research/simclr: zero_init_logits_layer), not as "
          "torch.nn.Linear does");
  }
};

class Supervised final : public Recipe {
 public:
  Supervised(const SupervisedConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    const int64_t classes = classes_to_learn(setup.data, setup.plan);
    encoder_ = register_module("encoder", setup.make_encoder(config.view.size));
    head_ = register_module("head", std::make_shared<Linear>(encoder_->width(), classes));
    const at::NoGradGuard values_alone;
    if (config.zero_start) {
      for (at::Tensor& parameter : head_->parameters()) parameter.zero_();
    }
    random_guess_ = std::log(static_cast<double>(classes));
  }

  std::vector<ViewPolicy> views() const override { return {config_.view}; }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random)};
  }

  /// Mean cross entropy over the global batch. The classifier's rows are class weights of the loss:
  /// what the log says of embeddings is said of the encoder's features.
  Loss loss(const Embeddings& features_nH, const Batch& batch) override {
    const at::Tensor logits_nC = head_->forward(features_nH[0]);
    const at::Tensor loss_n = at::cross_entropy_loss(widened(logits_nC), batch.label,
                                                     /*weight=*/{}, at::Reduction::None);
    const auto total = static_cast<double>(batch.shard.total);
    const at::Tensor hits = logits_nC.detach().argmax(1).eq(batch.label).sum().to(at::kFloat);
    return {loss_n.sum() * (group_.size() / total),
            random_guess_,
            {{"training_accuracy", group_.all_sum(hits) / total}}};
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  SupervisedConfig config_;
  Group& group_;
  double random_guess_ = 0.0;
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<Linear> head_;
};

}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Supervised, nearfar::SupervisedConfig, "supervised",
               "learns given labels: fine-tuning of a pretrained encoder, or its baseline",
               "Chen et al. 2020, A Simple Framework for Contrastive Learning of Visual "
               "Representations, appendix B.5")
