// CPC (van den Oord et al. 2018; v2: Henaff et al. 2020): the rows of patches above predict the
// patches below.
#include <torch/types.h>

#include <algorithm>
#include <string>

#include "augment/view_policy.h"
#include "framework/error.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/patch_encoder.h"
#include "recipes/blocks/row_context.h"
#include "recipes/blocks/row_predictors.h"

namespace nearfar {

// Shapes: n local images, P patches of R rows and C columns, D features of a patch, z of a target.

/// Section 3.3: crops of 260 from 300 pixels, flipped or not, without colour.
ViewPolicy gray_crops() {
  ViewPolicy policy;
  policy.size = 256;
  policy.crop_min = policy.crop_max = 0.75;
  policy.aspect_min = policy.aspect_max = 1.0;
  policy.jitter = policy.blur = 0.0;
  policy.grayscale = 1.0;
  return policy;
}

struct CpcConfig {
  int64_t patch = 64, stride = 0, targets = 0;
  RowContextConfig context;
  RowPredictorsConfig prediction;
  ViewPolicy view = gray_crops();

  void describe(auto& field) {
    field("patch", patch, int64_t{1}, int64_t{4096}, "pixels of a patch's side");
    field("stride", stride, int64_t{0}, int64_t{4096},
          "pixels from a patch to the next; 0: half a patch, so that they overlap by half");
    field("targets", targets, int64_t{0}, int64_t{1} << 16,
          "what is predicted of a patch: that many linear maps of its features (v2: 64); 0: the "
          "features (v1)");
    field("context", context, "the autoregressive network over rows of patches");
    prediction.describe(field);
    field("view", view, "how the view of an image is drawn");
  }
};

class Cpc final : public Recipe {
 public:
  Cpc(const CpcConfig& config, const Setup& setup) : config_(config) {
    const auto add = [this](const char* name, auto part) { return register_module(name, part); };
    const int64_t size = config.view.size;
    if (config.patch > size) {
      throw ConfigError("recipe.patch: expected at most recipe.view.size, " + std::to_string(size) +
                        ", got " + std::to_string(config.patch));
    }
    const int64_t stride =
        config.stride > 0 ? config.stride : std::max(config.patch / 2, int64_t{1});
    encoder_ = add("encoder", std::make_shared<PatchEncoder>(setup.make_encoder(config.patch),
                                                             config.patch, stride));
    const int64_t width = encoder_->width();
    const int64_t targets = config.targets > 0 ? config.targets : width;
    context_ = add("context", std::make_shared<RowContext>(width, config.context));
    if (config.targets > 0)
      target_ = add("target", std::make_shared<Linear>(width, targets, false));
    predictors_ = add("predictors", std::make_shared<RowPredictors>(
                                        width, targets, encoder_->grid(size, size).rows,
                                        config.prediction, setup.group));
  }

  std::vector<ViewPolicy> views() const override { return {config_.view}; }

  /// Targets [n, P, z] and contexts [n, R - first_step, C, D]: those below predict nothing.
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    const at::Tensor patch_nRCD = encoder_->patches(batch.views[0], random);
    const at::Tensor target_nRCz = target_ ? target_->forward(patch_nRCD) : patch_nRCD;
    const int64_t rows = patch_nRCD.size(1) - config_.prediction.first_step;
    return {target_nRCz.flatten(1, 2), context_->forward(patch_nRCD.narrow(1, 0, rows))};
  }

  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    return predictors_->loss(embeddings[0], embeddings[1], batch);
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  CpcConfig config_;
  std::shared_ptr<PatchEncoder> encoder_;
  std::shared_ptr<RowContext> context_;
  std::shared_ptr<Linear> target_;  // null: targets are the features
  std::shared_ptr<RowPredictors> predictors_;
};

}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Cpc, nearfar::CpcConfig, "cpc",
               "the rows of patches above predict the patches below, among all of the batch",
               "van den Oord et al. 2018, Representation Learning with Contrastive Predictive "
               "Coding")
