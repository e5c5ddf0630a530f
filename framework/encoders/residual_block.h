// The residual blocks of ResNet, basic and bottleneck, under torchvision's names.
#pragma once

#include <memory>
#include <vector>

#include "framework/encoders/batch_norm.h"
#include "framework/encoders/layers.h"

namespace nearfar {

/// How a block is built.
struct BlockShape {
  int64_t in = 0;
  int64_t inner = 0;  // channels of the inner convolutions
  int64_t out = 0;
  int64_t stride = 1;
  bool bottleneck = false;  // 1x1, 3x3, 1x1 instead of 3x3, 3x3
  double drop_path = 0.0;   // share of the images whose branch is left out in training
};

/// A residual block (He et al. 2015, figure 5; version 1.5: a bottleneck's stride is in its 3x3).
/// Children conv1, bn1, conv2, bn2[, conv3, bn3] and, where shapes change, downsample.{0, 1}.
class ResidualBlock : public torch::nn::Module {
 public:
  ResidualBlock(const BlockShape& shape, const NormPlan& norm);
  at::Tensor forward(const at::Tensor& input, Random& random);

 private:
  NormPlan plan_;
  double drop_path_;
  std::vector<std::shared_ptr<Conv2d>> convs_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;
  std::shared_ptr<Conv2d> downsample_conv_;  // null: the input itself is the shortcut
  std::shared_ptr<BatchNorm> downsample_norm_;
};

}  // namespace nearfar
