// The MLP between encoder and contrastive loss: a projection head, or a predictor behind one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/encoders/batch_norm.h"
#include "framework/encoders/layers.h"

namespace nearfar {

/// Defaults are SimCLR's (Chen et al. 2020, section 4.2, as in google-research/simclr
/// model_util.py: projection_head, linear_layer).
struct ProjectionHeadConfig {
  int64_t layers = 2;
  int64_t hidden = 0;
  int64_t width = 128;
  bool batch_norm = true;
  std::string last_norm = "scale";
  double weight_std = 0.01;

  void describe(auto& field) {
    field("layers", layers, int64_t{0}, int64_t{8},
          "linear layers, ReLU between them: 0 no head (width 0), 1 linear head, 2 SimCLR v1, 3 "
          "SimCLR v2");
    field("hidden", hidden, int64_t{0}, int64_t{1} << 20,
          "width of the inner layers; 0: that of the encoder");
    field("width", width, int64_t{0}, int64_t{1} << 20,
          "width of what comes out; 0: of what goes in");
    field("batch_norm", batch_norm, "BatchNorm instead of a bias after every linear layer");
    field("last_norm", last_norm, {"scale", "plain", "none"},
          "the BatchNorm after the last layer. scale: without shift (SimCLR); plain: without scale "
          "and shift (MoCo v3); none: there is none");
    field("weight_std", weight_std, 0.0, 10.0,
          "standard deviation of the initial weights; 0: LibTorch's own start");
  }
};

/// features [N, input] -> embeddings [N, width], not normalised. Children linear1, bn1, linear2,
/// bn2, ... With BatchNorm no linear layer has a bias, inner norms have scale and shift, the last
/// one what last_norm says; without it (MoCo v2's head) every linear layer has a bias, which starts
/// at 0 unless weight_std is 0. Of no layers, what goes in comes out; throws ConfigError for
/// another width of that.
class ProjectionHead : public torch::nn::Module {
 public:
  ProjectionHead(int64_t input, const ProjectionHeadConfig& config, const NormPlan& norm);
  at::Tensor forward(const at::Tensor& features);
  int64_t width() const { return width_; }

 private:
  int64_t width_;
  std::vector<std::shared_ptr<Linear>> linears_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;  // of the first layers; empty: of none
};

}  // namespace nearfar
