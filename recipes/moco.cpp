// MoCo (He et al. 2019; v2: Chen et al. 2020): a query attracts the key of its image, which a
// slowly following encoder makes, and repels a queue of keys of earlier batches.
#include <torch/types.h>

#include "framework/losses/unit_rows.h"
#include "framework/recipe/plugin.h"
#include "recipes/blocks/batch_shuffle.h"
#include "recipes/blocks/feature_queue.h"
#include "recipes/blocks/momentum_encoders.h"
#include "recipes/blocks/query_key_views.h"

namespace nearfar {

// Shapes: n local samples, N samples of all ranks, D features of the embeddings.

struct MocoConfig {
  double temperature = 0.07;
  ProjectionHeadConfig projection{.layers = 1, .batch_norm = false, .weight_std = 0.0};
  MomentumConfig momentum{.start = 0.999, .schedule = "constant"};
  FeatureQueueConfig queue;
  QueryKeyViews views{"moco_v1"};

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("projection", projection, "the head of both encoders");
    field("momentum", momentum, "how slowly the encoder of keys follows");
    field("queue", queue, "the keys that queries are told from");
    views.describe(field);
  }
};

class Moco final : public Recipe {
 public:
  Moco(const MocoConfig& config, const Setup& setup) : config_(config), group_(setup.group) {
    encoders_ = register_module(
        "encoders", std::make_shared<MomentumEncoders>(setup, config.views.size(),
                                                       config.projection, config.momentum));
    queue_ = register_module(
        "queue", std::make_shared<FeatureQueue>(config.queue, encoders_->width(), group_));
  }

  std::vector<ViewPolicy> views() const override { return config_.views.list(); }
  std::vector<bool> shuffled_views() const override { return config_.views.shuffled(); }
  std::vector<Follower> followers() override { return {encoders_->follower()}; }
  std::shared_ptr<Encoder> encoder() const override { return encoders_->encoder(); }

  /// Queries, then keys: that of query d is the d-th from the end.
  Embeddings embed(const Batch& batch) override {
    return encoders_->embed(batch, config_.views.directions());
  }

  Loss loss(const Embeddings& z_nD, const Batch& batch) override {
    std::vector<at::Tensor> losses, cosines;
    for (size_t d = 0; d < config_.views.directions(); ++d) {
      const at::Tensor key_nD = keys_in_order(group_, z_nD.rbegin()[d], batch).mine_nD;
      losses.push_back(moco_loss(group_, z_nD[d], key_nD, queue_->negatives(), config_.temperature,
                                 batch.shard, batch.index));
      cosines.push_back(at::cosine_similarity(z_nD[d].detach(), key_nD).sum());
    }
    return {
        at::stack(losses).mean(),
        moco_random_guess(queue_->filled()),
        {{"positive_similarity", group_.all_sum(at::stack(cosines).mean()) / batch.shard.total}}};
  }

  /// Queries met the keys of earlier batches alone: those of this one enter now.
  void after_step(const Embeddings& z_nD, const Batch& batch) override {
    const at::Tensor index_N =
        group_.all_gather(batch.index, rows_by_rank(batch.shard.total, group_.size()));
    for (size_t k = config_.views.directions(); k < z_nD.size(); ++k) {
      queue_->append(UnitRows(keys_in_order(group_, z_nD[k], batch).all_ND).unit, index_N);
    }
  }

 private:
  MocoConfig config_;
  Group& group_;
  std::shared_ptr<MomentumEncoders> encoders_;
  std::shared_ptr<FeatureQueue> queue_;
};

}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Moco, nearfar::MocoConfig, "moco",
               "a query attracts its momentum key and repels a queue of earlier keys (v1 and v2)",
               "He et al. 2019, Momentum Contrast for Unsupervised Visual Representation Learning")
