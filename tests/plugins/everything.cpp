// A recipe that brings all that a recipe may: its own views, encoder, loss, buffers, a follower,
// parameter groups, an order of the epoch, work before it and values for the log.
#include <torch/types.h>

#include <algorithm>

#include "augment/view_policy.h"
#include "framework/encoders/layers.h"
#include "framework/recipe/plugin.h"

namespace nearfar {
namespace {

// Shapes: n local samples, N of the global batch, H features, S images of the data set.

struct EverythingConfig {
  int64_t width = 16;
  double momentum = 0.9;
  double centre_momentum = 0.8;
  ViewPolicy whole;
  ViewPolicy piece;

  EverythingConfig() {
    piece.crop_max = 0.4;
    whole.crop_min = 0.4;
    whole.size = 16;
    piece.size = 8;
    whole.blur = piece.blur = 0.0;
  }

  void describe(auto& field) {
    field("width", width, int64_t{1}, int64_t{4096}, "features of the encoder");
    field("momentum", momentum, 0.0, 1.0, "of the target, at the start; it ends at 1");
    field("centre_momentum", centre_momentum, 0.0, 1.0, "of the centre of the target's features");
    field("whole", whole, "the view that the target sees, and the network too");
    field("piece", piece, "the two small views that the network sees alone");
  }
};

/// Two convolutions and a mean over the image: no architecture of nearfar's.
class Patches final : public Encoder {
 public:
  Patches(int64_t channels, int64_t width) : width_(width) {
    stem_ = register_module("stem", std::make_shared<Conv2d>(Conv2d::Shape{channels, 8, 4, 2, 1}));
    body_ =
        register_module("body", std::make_shared<Conv2d>(Conv2d::Shape{8, width, 3, 1, 1}, true));
  }
  at::Tensor forward(const at::Tensor& images, Random&) override {
    return body_->forward(stem_->forward(images).relu()).relu().mean({2, 3});
  }
  int64_t width() const override { return width_; }
  const std::shared_ptr<Conv2d>& stem() const { return stem_; }

 private:
  int64_t width_;
  std::shared_ptr<Conv2d> stem_, body_;
};

class Everything final : public Recipe {
 public:
  Everything(const EverythingConfig& config, const Setup& setup)
      : config_(config), group_(setup.group) {
    const auto make = [&] { return std::make_shared<Patches>(setup.data.channels, config.width); };
    encoder_ = register_module("encoder", make());
    target_ = register_module("target", make());
    predictor_ =
        register_module("predictor", std::make_shared<Linear>(config.width, config.width, true));
    const at::NoGradGuard values_alone;
    const auto targets = target_->named_parameters();
    for (const auto& item : encoder_->named_parameters()) targets[item.key()].copy_(item.value());
    for (at::Tensor& parameter : target_->parameters()) parameter.set_requires_grad(false);
    centre_ = register_buffer("centre", at::zeros({config.width}));
    visits_ = register_buffer("visits", at::zeros({setup.data.size}, at::kLong));
    mean_ = register_buffer("mean", at::zeros({config.width}));
  }

  std::vector<ViewPolicy> views() const override {
    return {config_.whole, config_.piece, config_.piece};
  }

  Embeddings embed(const Batch& batch) override {
    Random random = batch.random;
    Embeddings embeddings;
    for (const at::Tensor& view : batch.views) {
      embeddings.push_back(predictor_->forward(encoder_->forward(view, random)));
    }
    const at::NoGradGuard of_the_target;
    embeddings.push_back(target_->forward(batch.views[0], random));
    return embeddings;
  }

  /// Mean squared distance of the network's embeddings and the target's, the centre taken off.
  Loss loss(const Embeddings& embeddings, const Batch& batch) override {
    const at::Tensor wanted_nH = embeddings.back() - centre_;
    at::Tensor loss_n = at::zeros({wanted_nH.size(0)}, wanted_nH.options());
    for (size_t v = 0; v + 1 < embeddings.size(); ++v) {
      loss_n = loss_n + (embeddings[v] - wanted_nH).square().mean(1);
    }
    const double share = static_cast<double>(group_.size()) / batch.shard.total;
    return {loss_n.sum() * share,
            0.0,
            {{"centre_norm", centre_.norm()}, {"most_visits", visits_.max().to(at::kFloat)}}};
  }

  void after_step(const Embeddings& embeddings, const Batch& batch) override {
    const at::Tensor sum_H = group_.all_sum(embeddings.back().sum(0)) / batch.shard.total;
    centre_.mul_(config_.centre_momentum).add_(sum_H, 1.0 - config_.centre_momentum);
    at::Tensor seen_S = at::zeros_like(visits_);
    seen_S.index_add_(0, batch.index, at::ones_like(batch.index));
    visits_ += group_.all_sum(seen_S);
  }

  /// The mean feature of all images; then those visited least first, half of them twice.
  void before_epoch(EpochContext& context) override {
    const at::NoGradGuard values_alone;
    mean_.copy_(context.features(*encoder_).mean(0));
    std::stable_sort(context.order.begin(), context.order.end(), [&](int64_t a, int64_t b) {
      return visits_[a].item<int64_t>() < visits_[b].item<int64_t>();
    });
    const size_t half = context.order.size() / 2;
    std::copy(context.order.begin(), context.order.begin() + static_cast<int64_t>(half),
              context.order.end() - static_cast<int64_t>(half));
  }

  std::vector<ParameterGroup> parameter_groups() override {
    ParameterGroup stem{.name = "stem", .parameters = {}, .frozen = true, .fixed_rate = {}};
    ParameterGroup body{.name = "body", .parameters = {}, .fixed_rate = {}};
    ParameterGroup predictor{.name = "predictor",
                             .parameters = {},
                             .decay = false,
                             .adapt = false,
                             .rate_scale = 2.0,
                             .fixed_rate = 0.05};
    for (const auto& item : named_parameters()) {
      if (item.key().starts_with("encoder.stem")) {
        stem.parameters.emplace_back(item.key(), item.value());
      } else if (item.key().starts_with("encoder.")) {
        body.parameters.emplace_back(item.key(), item.value());
      } else if (item.key().starts_with("predictor.")) {
        predictor.parameters.emplace_back(item.key(), item.value());
      }
    }
    return {stem, body, predictor};
  }

  std::vector<Follower> followers() override {
    return {{encoder_, target_, [start = config_.momentum](double progress) {
               return start + (1.0 - start) * progress;
             }}};
  }

  std::shared_ptr<Encoder> encoder() const override { return encoder_; }

 private:
  EverythingConfig config_;
  Group& group_;
  std::shared_ptr<Patches> encoder_, target_;
  std::shared_ptr<Linear> predictor_;
  at::Tensor centre_, visits_, mean_;
};

}  // namespace
}  // namespace nearfar

NEARFAR_RECIPE(nearfar::Everything, nearfar::EverythingConfig, "everything",
               "uses all that a recipe may bring: for tests", "none")
