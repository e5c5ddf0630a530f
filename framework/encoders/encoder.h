// What is pretrained: a network from images to feature vectors.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "augment/random.h"
#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// A network images [N, C, H, W] -> features [N, width()]. Parameter and buffer names are those of
/// torchvision's model without its classifier.
class Encoder : public torch::nn::Module {
 public:
  /// `random` is for stochastic parts (dropped paths) alone, which draw from it as often whatever
  /// the number of images, so that ranks and micro-batches draw alike.
  virtual at::Tensor forward(const at::Tensor& images, Random& random) = 0;
  virtual int64_t width() const = 0;
};

/// How layers see the global batch: DESIGN "the shard of the global batch".
struct NormPlan {
  int64_t norm_batch = 0;  // images per view that share statistics; 0: the global batch
  Group* group = nullptr;  // the ranks among which a norm batch larger than a piece is shared
  /// Which rows of the global batch the next training forward sees; shared by all layers of a run.
  /// Whoever cuts the batch sets it before every Recipe::embed: the rank's shard, or a
  /// micro-batch of it. Null: the rows of the forward are the whole batch (one rank).
  std::shared_ptr<const Shard> piece = nullptr;
};

struct EncoderConfig {
  std::string name = "resnet50";
  std::string stem = "auto";
  int64_t width = 24;
  int64_t norm_batch = 0;
  double drop_path = 0.0;
  std::string weights;
  std::string weights_hash;

  void describe(auto& field) {
    field("name", name,
          {"tiny", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2",
           "wide_resnet101_2"},
          "architecture");
    field(
        "stem", stem, {"auto", "imagenet", "cifar"},
        "imagenet: 7x7 stride 2 and pool; cifar: 3x3 stride 1; auto: by the size of the views, and "
        "for tiny 3x3 stride 2");
    field("width", width, int64_t{1}, int64_t{1024},
          "channels of the first stage of tiny; its features are eight times as wide");
    field("norm_batch", norm_batch, int64_t{0}, int64_t{1} << 24,
          "images per view that share BatchNorm statistics; 0: the global batch");
    field("drop_path", drop_path, 0.0, 0.9,
          "stochastic depth: share of the images for which the last block's branch is left out, "
          "from 0 at the first block");
    field("weights", weights,
          "what a fresh run starts from: a run, a checkpoint or a .safetensors of torchvision or "
          "timm; empty: random weights");
    field("weights_hash", weights_hash,
          "XXH3-128 of that file, filled in at the start; where given, the file must have it");
  }
};

/// The names that make_encoder knows.
const std::vector<std::string>& encoder_names();

/// Builds an encoder for images of `channels` channels, its weights initialised as torchvision does
/// from LibTorch's global generator: after at::manual_seed(s) a ResNet has the weights of
/// torchvision's after torch.manual_seed(s). `image_size` resolves stem=auto: cifar up to 64
/// pixels. Throws ConfigError for an unknown name or stem.
std::shared_ptr<Encoder> make_encoder(const EncoderConfig& config, int64_t channels,
                                      int64_t image_size, const NormPlan& norm);

}  // namespace nearfar
