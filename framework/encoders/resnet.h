// ResNets under torchvision's names, for large and small images.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "framework/encoders/encoder_config.h"
#include "framework/encoders/residual_block.h"

namespace nearfar {

/// What happens before the first stage: a convolution, BatchNorm, ReLU, and a max pool unless
/// pool_kernel is 0.
struct Stem {
  int64_t kernel = 7;
  int64_t stride = 2;
  int64_t padding = 3;
  int64_t pool_kernel = 3;
  int64_t pool_stride = 2;
  int64_t pool_padding = 1;
};

/// ResNet's own stem (He et al. 2015, table 1): divides height and width by 4.
inline constexpr Stem kImagenetStem{7, 2, 3, 3, 2, 1};
/// For images of 32 pixels (SimCLR, appendix B.9): keeps height and width.
inline constexpr Stem kCifarStem{3, 1, 1, 0, 0, 0};
/// For small images on a CPU: divides height and width by 2.
inline constexpr Stem kHalvingStem{3, 2, 1, 0, 0, 0};

/// The stem that make_encoder builds for views of that many pixels. Throws ConfigError.
Stem stem_of(const EncoderConfig& config, int64_t image_size);

struct ResNetShape {
  std::array<int64_t, 4> blocks{2, 2, 2, 2};  // of layer1..layer4
  bool bottleneck = false;
  int64_t width = 64;        // of the stem and of layer1; doubles from stage to stage
  int64_t inner_factor = 1;  // 2: the wide ResNets
  double drop_path = 0.0;    // of the last block; grows from 0 at the first, block by block
};

/// The name by which make_encoder knows a shape (tiny whatever its width); empty: by none.
std::string encoder_name_of(const ResNetShape& shape);

/// A ResNet without classifier: conv1, bn1, layer1..layer4, global average pool. Names, order,
/// shapes and initialisation are torchvision's: with width 64 and three channels, equal states of
/// the global generator give torchvision's weights to the bit.
class ResNet final : public Encoder {
 public:
  ResNet(const ResNetShape& shape, const Stem& stem, int64_t channels, const NormPlan& norm);
  at::Tensor forward(const at::Tensor& images, Random& random) override;
  int64_t width() const override { return width_; }
  /// Outputs of layer1..layer4, each [N, C, H, W].
  std::vector<at::Tensor> stages(const at::Tensor& images, Random& random);
  /// The features [N, width()] that belong to outputs of stages().
  static at::Tensor features_of(const std::vector<at::Tensor>& stages);

 private:
  void add_stage(const ResNetShape& shape, int stage, int64_t in, const NormPlan& norm);

  Stem stem_;
  int64_t width_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  std::array<std::vector<std::shared_ptr<ResidualBlock>>, 4> layers_;
};

}  // namespace nearfar
