// A recipe whose loss is computed by at::parallel_for in its own library, as a plugin's may be.
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "augment/two_views.h"
#include "framework/recipe/plugin.h"
#include "tests/recipes/threads_at_work.h"

namespace nearfar {
namespace {

struct ThreadedConfig {
  TwoViews views;
  void describe(auto& field) { views.describe(field); }
};

class Threaded final : public Recipe {
 public:
  Threaded(const ThreadedConfig& config, const Setup& setup) : config_(config) {
    encoder_ = register_module("encoder", setup.make_encoder(config.views.first.size));
  }
  std::vector<ViewPolicy> views() const override { return config_.views.list(); }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    return {encoder_->forward(batch.views[0], random)};
  }
  Loss loss(const Embeddings& embeddings, const Batch&) override {
    const auto threads = static_cast<int64_t>(threads_at_work());
    return {embeddings[0].square().mean(), 1.0, {{"threads", at::scalar_tensor(threads)}}};
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  ThreadedConfig config_;
  std::shared_ptr<Encoder> encoder_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Threaded, nearfar::ThreadedConfig, "threaded",
               "counts its threads: for tests", "none")
