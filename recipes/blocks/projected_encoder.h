// An encoder with its projection head: the network that a momentum encoder follows as a whole.
#pragma once

#include <torch/nn/module.h>

#include <memory>

#include "framework/encoders/encoder.h"
#include "recipes/blocks/projection_head.h"

namespace nearfar {

/// images [N, C, H, W] -> embeddings [N, width()], not normalised. Children encoder, projection.
/// Two of them, one registered as the target of the other's Follower, are a network and its
/// momentum copy: parameters follow, BatchNorm's running statistics are each one's own.
class ProjectedEncoder final : public torch::nn::Module {
 public:
  ProjectedEncoder(std::shared_ptr<Encoder> encoder, const ProjectionHeadConfig& projection,
                   const NormPlan& norm);
  /// `random` is for the encoder's stochastic parts.
  at::Tensor forward(const at::Tensor& images, Random& random);
  int64_t width() const { return projection_->width(); }
  const std::shared_ptr<Encoder>& encoder() const { return encoder_; }

 private:
  std::shared_ptr<Encoder> encoder_;
  std::shared_ptr<ProjectionHead> projection_;
};

}  // namespace nearfar
