// Residual networks with the names, order and initialisation of torchvision.
#include "framework/encoders/resnet.h"

#include <torch/types.h>

#include <string>

namespace nearfar {
namespace {

constexpr int64_t kTorchvisionClasses = 1000;

int64_t out_channels(const ResNetShape& shape, int stage) {
  return (shape.width << stage) * (shape.bottleneck ? 4 : 1);
}

/// timm's linear rule: 0 at the first block of the network, shape.drop_path at the last.
double drop_path_at(const ResNetShape& shape, int stage, int64_t block) {
  int64_t before = block, all = 0;
  for (int s = 0; s < 4; ++s) {
    if (s < stage) before += shape.blocks[s];
    all += shape.blocks[s];
  }
  return shape.drop_path * static_cast<double>(before) / static_cast<double>(all - 1);
}

}  // namespace

ResNet::ResNet(const ResNetShape& shape, const Stem& stem, int64_t channels, const NormPlan& norm)
    : stem_(stem), width_(out_channels(shape, 3)) {
  conv1_ =
      register_module("conv1", std::make_shared<Conv2d>(Conv2d::Shape{
                                   channels, shape.width, stem.kernel, stem.stride, stem.padding}));
  bn1_ = register_module("bn1", std::make_shared<BatchNorm>(shape.width, norm));
  int64_t in = shape.width;
  for (int stage = 0; stage < 4; ++stage) {
    add_stage(shape, stage, in, norm);
    in = out_channels(shape, stage);
  }
  // torchvision draws its classifier before it draws the convolutions a second time.
  const Linear discarded_classifier(width_, kTorchvisionClasses);
  apply([](torch::nn::Module& module) {
    if (auto* conv = dynamic_cast<Conv2d*>(&module)) conv->fill_he_normal();
  });
}

void ResNet::add_stage(const ResNetShape& shape, int stage, int64_t in, const NormPlan& norm) {
  const auto layer =
      register_module("layer" + std::to_string(stage + 1), std::make_shared<torch::nn::Module>());
  const int64_t inner = (shape.width << stage) * shape.inner_factor;
  const int64_t out = out_channels(shape, stage);
  for (int64_t block = 0; block < shape.blocks[stage]; ++block) {
    const bool first = block == 0;
    const BlockShape block_shape{first ? in : out,
                                 inner,
                                 out,
                                 first && stage > 0 ? 2 : 1,
                                 shape.bottleneck,
                                 drop_path_at(shape, stage, block)};
    layers_[stage].push_back(layer->register_module(
        std::to_string(block), std::make_shared<ResidualBlock>(block_shape, norm)));
  }
}

std::vector<at::Tensor> ResNet::stages(const at::Tensor& images, Random& random) {
  at::Tensor output = bn1_->forward(conv1_->forward(images)).relu_();
  if (stem_.pool_kernel > 0) {
    output = at::max_pool2d(output, stem_.pool_kernel, stem_.pool_stride, stem_.pool_padding);
  }
  std::vector<at::Tensor> outputs;
  for (const auto& layer : layers_) {
    for (const auto& block : layer) output = block->forward(output, random);
    outputs.push_back(output);
  }
  return outputs;
}

at::Tensor ResNet::forward(const at::Tensor& images, Random& random) {
  return features_of(stages(images, random));
}

at::Tensor ResNet::features_of(const std::vector<at::Tensor>& stages) {
  return stages.back().mean({2, 3});
}

}  // namespace nearfar
