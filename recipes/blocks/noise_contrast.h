// Noise-contrastive estimation against a memory bank: the noise of each batch, and the constant Z.
#pragma once

#include <string>

#include "framework/losses/npid.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

struct NoiseContrastConfig {
  double temperature = 0.07;
  int64_t noise = 4096;
  std::string z = "noise";

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("noise", noise, int64_t{0}, int64_t{1} << 20,
          "noise items an image; 0: the softmax over the whole bank instead");
    field("z", z, {"noise", "noise_and_positive"},
          "whose scores of the first batch give the constant Z: the paper's, the released code's");
  }
};

/// npid_nce with noise items from Batch::random and a Z that is estimated from the first batch of a
/// run and kept in the buffer `log_z`.
class NoiseContrast : public torch::nn::Module {
 public:
  NoiseContrast(const NoiseContrastConfig& config, Group& group);

  /// feature [n, D] of this rank's part of the batch. Reports log_z.
  Loss loss(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) const;
  /// For after_step, before the bank moves.
  void keep(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch);

 private:
  at::Tensor noise_of(const MemoryBank& bank, const Batch& batch) const;
  at::Tensor log_z_of(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch,
                      const at::Tensor& noise) const;

  NoiseContrastConfig config_;
  Group& group_;
  at::Tensor log_z_;
};

}  // namespace nearfar
