// An encoder with its projection head.
#include "recipes/blocks/projected_encoder.h"

#include <utility>

namespace nearfar {

ProjectedEncoder::ProjectedEncoder(std::shared_ptr<Encoder> encoder,
                                   const ProjectionHeadConfig& projection, const NormPlan& norm)
    : encoder_(register_module("encoder", std::move(encoder))),
      projection_(register_module(
          "projection", std::make_shared<ProjectionHead>(encoder_->width(), projection, norm))) {}

at::Tensor ProjectedEncoder::forward(const at::Tensor& images, Random& random) {
  return projection_->forward(encoder_->forward(images, random));
}

}  // namespace nearfar
