// Encoders of queries and keys.
#include "recipes/blocks/momentum_encoders.h"

#include <torch/types.h>

namespace nearfar {

MomentumEncoders::MomentumEncoders(const Setup& setup, int64_t image_size,
                                   const ProjectionHeadConfig& projection,
                                   const MomentumConfig& momentum)
    : momentum_(momentum_schedule(momentum, setup.plan.steps)) {
  const auto make = [&] {
    return std::make_shared<ProjectedEncoder>(setup.make_encoder(image_size), projection,
                                              setup.plan.norm);
  };
  query_ = register_module("query", make());
  key_ = register_module("key", make());
}

Embeddings MomentumEncoders::embed(const Batch& batch, size_t count) {
  TORCH_CHECK(count <= batch.views.size(), "MomentumEncoders: expected at least ", count,
              " views, got ", batch.views.size());
  Random random = batch.random;
  Embeddings embeddings;
  for (size_t v = 0; v < count; ++v) {
    embeddings.push_back(query_->forward(batch.views[v], random));
  }
  const at::NoGradGuard no_gradient_to_keys;
  for (size_t v = batch.views.size() - count; v < batch.views.size(); ++v) {
    embeddings.push_back(key_->forward(batch.views[v], random));
  }
  return embeddings;
}

}  // namespace nearfar
