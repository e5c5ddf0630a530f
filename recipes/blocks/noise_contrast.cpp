// Noise and Z of batches.
#include "recipes/blocks/noise_contrast.h"

#include <torch/types.h>

#include "framework/ship.h"

namespace nearfar {

NoiseContrast::NoiseContrast(const NoiseContrastConfig& config, Group& group)
    : config_(config), group_(group) {
  log_z_ = register_buffer("log_z", at::zeros({}, at::kDouble));
}

at::Tensor NoiseContrast::noise_of(const MemoryBank& bank, const Batch& batch) const {
  return ship(draw_noise(batch.random, batch.shard, config_.noise, bank.place.total),
              batch.index.device());
}

/// The first batch is that of step 0: nobody has to ask a device whether Z is known.
at::Tensor NoiseContrast::log_z_of(const at::Tensor& feature, const MemoryBank& bank,
                                   const Batch& batch, const at::Tensor& noise) const {
  if (batch.step > 0) return log_z_;
  return npid_log_partition(
      group_, feature, bank, config_.temperature, noise,
      config_.z == "noise" ? PartitionScores::noise : PartitionScores::noise_and_positive,
      batch.shard, batch.index);
}

Loss NoiseContrast::loss(const at::Tensor& feature, const MemoryBank& bank,
                         const Batch& batch) const {
  const at::Tensor noise = noise_of(bank, batch);
  const at::Tensor log_z = log_z_of(feature, bank, batch, noise);
  return {
      npid_nce(group_, feature, bank, config_.temperature, log_z, noise, batch.shard, batch.index),
      npid_nce_random_guess(config_.noise),
      {{"log_z", log_z}}};
}

void NoiseContrast::keep(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) {
  if (batch.step > 0) return;
  log_z_.copy_(log_z_of(feature, bank, batch, noise_of(bank, batch)));
}

}  // namespace nearfar
