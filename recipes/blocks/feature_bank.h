// The memory bank of instance discrimination as a part of a recipe.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <string>

#include "framework/losses/memory_bank.h"
#include "framework/recipe/sharded_buffers.h"

namespace nearfar {

struct FeatureBankConfig {
  double momentum = 0.5;
  bool sharded = false;
  std::string type = "float32";

  void describe(auto& field) {
    field("momentum", momentum, 0.0, 1.0, "share of its earlier value that a row keeps");
    field("sharded", sharded, "each rank holds a part of the bank instead of all of it");
    field("type", type, {"float32", "bfloat16"}, "of the rows; bfloat16 halves their memory");
  }
};

/// A row for each image of the data set, in the buffer `rows`; nothing else is state. The start is
/// that of zhirongw/lemniscate.pytorch: uniform in +-sqrt(3 / width), of length one on average. It
/// depends on the seed and the image alone; from an image's first update on its row has length one.
class FeatureBank : public torch::nn::Module, public ShardedBuffers {
 public:
  FeatureBank(int64_t images, int64_t width, const FeatureBankConfig& config, uint64_t seed,
              const Group& group);

  /// The rows as the losses take them. No copy.
  MemoryBank rows() const;
  /// update_bank() with this bank's momentum.
  void update(Group& group, const at::Tensor& feature, const at::Tensor& index, const Shard& own);

  std::vector<std::pair<std::string, int64_t>> sharded_buffers() const override;

 private:
  FeatureBankConfig config_;
  Shard place_;
  at::Tensor rows_;
};

}  // namespace nearfar
