// A recipe with a key that nobody explains; sound but for that.
#include "augment/two_views.h"
#include "framework/losses/nt_xent.h"
#include "framework/recipe/plugin.h"

namespace nearfar {
namespace {

struct UndocumentedConfig {
  double temperature = 0.5;
  TwoViews views;

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "");
    views.describe(field);
  }
};

class Undocumented final : public Recipe {
 public:
  Undocumented(const UndocumentedConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random), encoder_->forward(batch.views[1], random)};
  }

  Loss loss(const Embeddings& z, const Batch& batch) override {
    return {nt_xent(group_, z[0], z[1], config_.temperature, batch.shard),
            nt_xent_random_guess(batch.shard.total),
            {}};
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  UndocumentedConfig config_;
  Group& group_;
  std::shared_ptr<Encoder> encoder_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Undocumented, nearfar::UndocumentedConfig, "undocumented",
               "has a key without help: for tests", "none")
