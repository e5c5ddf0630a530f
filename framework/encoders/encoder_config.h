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
  int64_t patch = 16;
  int64_t depth = 0;
  int64_t heads = 0;
  std::string pool = "token";
  std::string position = "learned";
  std::string start = "timm";
  std::string weights;
  std::string weights_hash;

  void describe(auto& field) {
    field("name", name,
          {"tiny", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2",
           "wide_resnet101_2", "vit_tiny_patch16_224", "vit_small_patch16_224",
           "vit_base_patch16_224"},
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
    describe_vit(field);
    field("weights", weights,
          "what a fresh run starts from: a run, a checkpoint or a .safetensors of torchvision or "
          "timm; empty: random weights");
    field("weights_hash", weights_hash,
          "XXH3-128 of that file, filled in at the start; where given, the file must have it");
  }

 private:
  void describe_vit(auto& field) {
    field("patch", patch, int64_t{1}, int64_t{64},
          "vit: pixels of a patch's side, which divides the views; 4 suits images of 28 or 32");
    field("depth", depth, int64_t{0}, int64_t{64}, "vit: blocks; 0: 12, as the name says");
    field("heads", heads, int64_t{0}, int64_t{64},
          "vit: attention heads; 0: timm's 3, 6, 12 (MoCo v3 has 12 in its small one)");
    field("pool", pool, {"token", "avg"},
          "vit: features are the class token after norm, or the patches' mean before fc_norm");
    field("position", position, {"learned", "sincos"},
          "vit: position embedding; sincos: fixed sines and cosines of row and column (MoCo v3)");
    field("start", start, {"timm", "mocov3"},
          "vit: random weights as timm draws them, or as MoCo v3 does");
  }
};

}  // namespace nearfar
