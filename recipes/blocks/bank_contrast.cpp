// Noise and Z of batches, negatives and densities of epochs.
#include "recipes/blocks/bank_contrast.h"

#include <torch/types.h>

#include <algorithm>

#include "framework/error.h"
#include "framework/losses/density_negatives.h"
#include "framework/ship.h"

namespace nearfar {
namespace {

/// The choice that auto stands for, and no more negatives and neighbours than there are.
BankContrastConfig settled(BankContrastConfig config, int64_t images) {
  if (config.negatives == "auto") config.negatives = config.noise == 0 ? "all" : "noise";
  if (config.negatives == "noise" && config.noise == 0) {
    throw ConfigError("recipe.noise: expected at least 1 with recipe.negatives=noise, found 0");
  }
  if (config.negatives == "density" && images < 2) {
    throw ConfigError("recipe.negatives=density: expected two images at least, found " +
                      std::to_string(images));
  }
  config.density.neighbours = std::min(config.density.neighbours, images - 1);
  config.density.count = std::min(config.density.count, images - 1);
  return config;
}

}  // namespace

BankContrast::BankContrast(const BankContrastConfig& config, int64_t images, Group& group)
    : config_(settled(config, images)), group_(group) {
  log_z_ = register_buffer("log_z", at::zeros({}, at::kDouble));
  if (config_.negatives == "density") {
    density_ = register_buffer("density", at::zeros({images}, at::kDouble));
  }
}

at::Tensor BankContrast::noise_of(const MemoryBank& bank, const Batch& batch) const {
  return ship(draw_noise(batch.random, batch.shard, config_.noise, bank.place.total),
              batch.index.device());
}

/// The first batch is that of step 0: nobody has to ask a device whether Z is known.
at::Tensor BankContrast::log_z_of(const at::Tensor& feature, const MemoryBank& bank,
                                  const Batch& batch, const at::Tensor& noise) const {
  if (batch.step > 0) return log_z_;
  return npid_log_partition(
      group_, feature, bank, config_.temperature, noise,
      config_.z == "noise" ? PartitionScores::noise : PartitionScores::noise_and_positive,
      batch.shard, batch.index);
}

Loss BankContrast::loss(const at::Tensor& feature, const MemoryBank& bank,
                        const Batch& batch) const {
  if (config_.negatives == "all") return by_softmax(feature, bank, batch);
  if (config_.negatives == "noise") return by_noise(feature, bank, batch);
  return by_density(feature, bank, batch);
}

Loss BankContrast::by_softmax(const at::Tensor& feature, const MemoryBank& bank,
                              const Batch& batch) const {
  return {npid_softmax(group_, feature, bank, config_.temperature, batch.shard, batch.index),
          npid_softmax_random_guess(bank.place.total),
          {}};
}

Loss BankContrast::by_noise(const at::Tensor& feature, const MemoryBank& bank,
                            const Batch& batch) const {
  const at::Tensor noise = noise_of(bank, batch);
  const at::Tensor log_z = log_z_of(feature, bank, batch, noise);
  return {
      npid_nce(group_, feature, bank, config_.temperature, log_z, noise, batch.shard, batch.index),
      npid_nce_random_guess(config_.noise),
      {{"log_z", log_z}}};
}

Loss BankContrast::by_density(const at::Tensor& feature, const MemoryBank& bank,
                              const Batch& batch) const {
  const DensityConfig& drawn = config_.density;
  const DensityNegatives negatives =
      draw_density_negatives(batch.random, density_, drawn.gamma, drawn.count, batch.index);
  return {
      density_contrast(group_, feature, bank, negatives, config_.temperature, batch.shard,
                       batch.index),
      density_contrast_random_guess(drawn.count),
      {{"negative_density", density_.index_select(0, negatives.image_C).mean() - density_.mean()}}};
}

void BankContrast::keep(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) {
  if (config_.negatives != "noise" || batch.step > 0) return;
  log_z_.copy_(log_z_of(feature, bank, batch, noise_of(bank, batch)));
}

void BankContrast::find_densities(const MemoryBank& bank) {
  if (!density_.defined()) return;
  density_.copy_(local_densities(group_, bank, config_.density.neighbours));
}

}  // namespace nearfar
