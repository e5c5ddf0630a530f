// Encoders by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/encoders/encoder.h"
#include "framework/encoders/encoder_config.h"

namespace nearfar {

/// The names that make_encoder knows.
const std::vector<std::string>& encoder_names();

/// Builds an encoder for images of `channels` channels and `image_size` pixels a side, its weights
/// drawn from LibTorch's global generator: after at::manual_seed(s) a ResNet has the weights of
/// torchvision's after torch.manual_seed(s), and a ViT with start=timm those of timm's.
/// `image_size` resolves stem=auto (cifar up to 64 pixels) and gives a ViT its grid of patches.
/// Throws ConfigError for an unknown name or word, and for a patch that does not divide the image.
std::shared_ptr<Encoder> make_encoder(const EncoderConfig& config, int64_t channels,
                                      int64_t image_size, const NormPlan& norm);

}  // namespace nearfar
