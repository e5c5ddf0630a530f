// The law of ranks knows buffers that all ranks hold alike from those whose rows are shared out.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "distributed/forwarding_group.h"
#include "framework/conformance/law.h"
#include "framework/losses/moco.h"
#include "recipes/blocks/feature_queue.h"

namespace nearfar {
namespace {

constexpr int64_t kWidth = 6, kLength = 29;  // no multiple of any number of ranks

enum class Place : int64_t { everywhere, shared_out, wrongly_shared_out, hidden };

struct QueueConfig {
  int64_t place = 0;
  void describe(auto& field) { field("place", place, int64_t{0}, int64_t{3}, "where rows lie"); }
};

/// Counts the ranks from the last one.
class Reversed final : public ForwardingGroup {
 public:
  using ForwardingGroup::ForwardingGroup;
  int rank() const override { return size() - 1 - ForwardingGroup::rank(); }
};

/// Queries against the keys of earlier batches, in a queue of one of the places.
class QueueRecipe final : public Recipe {
 public:
  QueueRecipe(const QueueConfig& config, const Setup& setup)
      : group_(setup.group), reversed_(setup.group) {
    encoder_ = register_module("encoder", setup.make_encoder(16));
    weight_ = register_parameter("weight", at::randn({kWidth, encoder_->width()}));
    const Place place{config.place};
    const FeatureQueueConfig queue{.length = kLength, .sharded = place != Place::everywhere};
    queue_ = std::make_shared<FeatureQueue>(
        queue, kWidth,
        place == Place::wrongly_shared_out ? static_cast<Group&>(reversed_) : group_);
    if (place != Place::hidden) {
      register_module("queue", queue_);
    } else {  // its buffers are there, and nobody says how they lie
      for (const auto& item : queue_->named_buffers()) register_buffer(item.key(), item.value());
    }
  }
  std::vector<ViewPolicy> views() const override { return {ViewPolicy{}, ViewPolicy{}}; }
  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    const at::Tensor queries = encoder_->forward(batch.views[0], random).matmul(weight_.t());
    const at::Tensor keys = encoder_->forward(batch.views[1], random).matmul(weight_.t());
    return {queries, keys.detach()};
  }
  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    return {moco_loss(group_, embeddings[0], embeddings[1], queue_->negatives(), 0.5, batch.shard,
                      batch.index),
            moco_random_guess(queue_->filled()),
            {}};
  }
  void after_step(const Embeddings& embeddings, const Batch& batch) override {
    queue_->enqueue(group_, embeddings[1], batch.index, batch.shard);
  }
  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  Group& group_;
  Reversed reversed_;
  std::shared_ptr<Encoder> encoder_;
  at::Tensor weight_;
  std::shared_ptr<FeatureQueue> queue_;
};

Finding examine_ranks(Place place) {
  static const RecipePlugin plugin =
      make_recipe_plugin<QueueRecipe, QueueConfig>("queued", "for tests", "none");
  at::set_num_threads(1);  // the ranks are threads already
  Subject subject;
  subject.config = make_run_config(plugin);
  static_cast<QueueConfig*>(subject.config.recipe.config.get())->place =
      static_cast<int64_t>(place);
  return examine(kRanksLaw, subject);
}

TEST(RanksLaw, AcceptsBuffersThatAreAlikeAndBuffersThatAreSharedOut) {
  for (const Place place : {Place::everywhere, Place::shared_out}) {
    const Finding finding = examine_ranks(place);
    EXPECT_EQ(finding.verdict, Verdict::holds) << finding.words;
  }
}

TEST(RanksLaw, RefusesRowsThatLieOnOtherRanksThanTheirShard) {
  const Finding finding = examine_ranks(Place::wrongly_shared_out);
  EXPECT_EQ(finding.verdict, Verdict::broken);
  EXPECT_NE(finding.words.find("queue."), std::string::npos) << finding.words;
}

TEST(RanksLaw, RefusesPiecesThatNoModuleSpeaksOf) {
  const Finding finding = examine_ranks(Place::hidden);
  EXPECT_EQ(finding.verdict, Verdict::broken);
  EXPECT_NE(finding.words.find("sharded_buffers.h"), std::string::npos) << finding.words;
}

}  // namespace
}  // namespace nearfar
