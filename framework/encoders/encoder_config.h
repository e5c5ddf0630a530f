// The settings of an encoder: encoder.* in a config.
#pragma once

#include <cstdint>
#include <string>

namespace nearfar {

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

}  // namespace nearfar
