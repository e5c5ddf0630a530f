// The projection head.
#include "recipes/blocks/projection_head.h"

#include <torch/types.h>

#include <string>

#include "framework/error.h"

namespace nearfar {

ProjectionHead::ProjectionHead(int64_t input, const ProjectionHeadConfig& config,
                               const NormPlan& norm)
    : width_(config.width == 0 ? input : config.width) {
  if (config.layers == 0 && width_ != input) {
    throw ConfigError(
        "recipe.projection.width: expected 0 or the encoder's width " + std::to_string(input) +
        " without layers (recipe.projection.layers=0), found " + std::to_string(width_));
  }
  const int64_t hidden = config.hidden == 0 ? input : config.hidden;
  const BatchNormOptions last_norm{.scale = config.last_norm == "scale", .shift = false};
  for (int64_t layer = 1; layer <= config.layers; ++layer) {
    const bool last = layer == config.layers;
    const int64_t in = layer == 1 ? input : hidden;
    const int64_t out = last ? width_ : hidden;
    const std::string number = std::to_string(layer);
    linears_.push_back(
        register_module("linear" + number, std::make_shared<Linear>(in, out, !config.batch_norm)));
    if (config.weight_std > 0.0) linears_.back()->fill_normal(config.weight_std);
    if (!config.batch_norm || (last && config.last_norm == "none")) continue;
    norms_.push_back(register_module(
        "bn" + number,
        std::make_shared<BatchNorm>(out, norm, last ? last_norm : BatchNormOptions{})));
  }
}

at::Tensor ProjectionHead::forward(const at::Tensor& features) {
  at::Tensor output = features;
  for (size_t i = 0; i < linears_.size(); ++i) {
    output = linears_[i]->forward(output);
    if (i < norms_.size()) output = norms_[i]->forward(output);
    if (i + 1 < linears_.size()) output.relu_();
  }
  return output;
}

}  // namespace nearfar
