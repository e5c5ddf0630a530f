// Residual blocks.
#include "framework/encoders/residual_block.h"

#include <torch/types.h>

#include <string>

#include "framework/encoders/drop_path.h"

namespace nearfar {
namespace {

std::vector<Conv2d::Shape> conv_shapes(const BlockShape& block) {
  if (!block.bottleneck) {
    return {{block.in, block.inner, 3, block.stride, 1}, {block.inner, block.out, 3, 1, 1}};
  }
  return {{block.in, block.inner, 1, 1, 0},
          {block.inner, block.inner, 3, block.stride, 1},
          {block.inner, block.out, 1, 1, 0}};
}

/// Gives two modules the names 0 and 1, as torch.nn.Sequential does.
class Downsample : public torch::nn::Module {
 public:
  Downsample(std::shared_ptr<Conv2d> conv, std::shared_ptr<BatchNorm> norm) {
    register_module("0", std::move(conv));
    register_module("1", std::move(norm));
  }
};

}  // namespace

ResidualBlock::ResidualBlock(const BlockShape& shape, const NormPlan& norm)
    : plan_(norm), drop_path_(shape.drop_path) {
  // Built first and registered last, as in torchvision: this is the order of random draws and of
  // names.
  if (shape.stride != 1 || shape.in != shape.out) {
    downsample_conv_ =
        std::make_shared<Conv2d>(Conv2d::Shape{shape.in, shape.out, 1, shape.stride, 0});
    downsample_norm_ = std::make_shared<BatchNorm>(shape.out, norm);
  }
  for (const Conv2d::Shape& conv : conv_shapes(shape)) {
    const std::string number = std::to_string(convs_.size() + 1);
    convs_.push_back(register_module("conv" + number, std::make_shared<Conv2d>(conv)));
    norms_.push_back(register_module("bn" + number, std::make_shared<BatchNorm>(conv.out, norm)));
  }
  if (downsample_conv_) {
    register_module("downsample", std::make_shared<Downsample>(downsample_conv_, downsample_norm_));
  }
}

at::Tensor ResidualBlock::forward(const at::Tensor& input, Random& random) {
  at::Tensor output = input;
  for (size_t i = 0; i < convs_.size(); ++i) {
    output = norms_[i]->forward(convs_[i]->forward(output));
    if (i + 1 < convs_.size()) output.relu_();
  }
  const at::Tensor shortcut =
      downsample_conv_ ? downsample_norm_->forward(downsample_conv_->forward(input)) : input;
  if (is_training()) output = drop_path(output, drop_path_, plan_, random);
  return output.add_(shortcut).relu_();
}

}  // namespace nearfar
