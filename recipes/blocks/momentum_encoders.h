// The two encoders of momentum contrast: one learns, the other follows it.
#pragma once

#include <torch/nn/module.h>

#include <functional>
#include <memory>

#include "framework/optimize/momentum.h"
#include "framework/recipe/recipe.h"
#include "recipes/blocks/projected_encoder.h"

namespace nearfar {

/// Children query, which learns by gradient, and key, which is the target of follower() and gives
/// no gradient (He et al. 2019, section 3.2; "base" and "momentum encoder" in MoCo v3). Both work
/// in training mode, as published; BatchNorm's running statistics are each one's own.
class MomentumEncoders final : public torch::nn::Module {
 public:
  MomentumEncoders(const Setup& setup, int64_t image_size, const ProjectionHeadConfig& projection,
                   const MomentumConfig& momentum);

  /// Queries of the first `count` views, then keys of the last `count`: [n, width()] each, not
  /// normalised. A view may be among both. Pure and repeatable, as Recipe::embed() must be.
  Embeddings embed(const Batch& batch, size_t count);
  Follower follower() const { return {query_, key_, momentum_}; }
  int64_t width() const { return query_->width(); }
  /// That of queries.
  const std::shared_ptr<Encoder>& encoder() const { return query_->encoder(); }

 private:
  std::shared_ptr<ProjectedEncoder> query_, key_;
  std::function<double(double progress)> momentum_;
};

}  // namespace nearfar
