// What is pretrained: a network from images to feature vectors.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>

#include "augment/random.h"
#include "distributed/group.h"
#include "distributed/shard.h"

namespace nearfar {

/// A network images [N, C, H, W] -> features [N, width()]. Parameter and buffer names are those of
/// torchvision's model (ResNets) or timm's (ViTs) without its classifier.
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

}  // namespace nearfar
