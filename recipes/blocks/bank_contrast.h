// What instance discrimination tells an image from: all other rows of the bank, noise, or negatives
// drawn by density.
#pragma once

#include <string>

#include "framework/losses/npid.h"
#include "framework/recipe/recipe.h"

namespace nearfar {

struct DensityConfig {
  int64_t neighbours = 10;
  double gamma = 1.0;
  int64_t count = 4096;

  void describe(auto& field) {
    field("neighbours", neighbours, int64_t{1}, int64_t{1} << 20,
          "nearest rows whose mean cosine is an image's density; at most all others");
    field("gamma", gamma, -1e4, 1e4,
          "negatives are drawn as exp(gamma density): above 0 from crowds, below 0 from afar");
    field("count", count, int64_t{1}, int64_t{1} << 20, "negatives an image; at most all others");
  }
};

struct BankContrastConfig {
  double temperature = 0.07;
  std::string negatives = "auto";
  int64_t noise = 4096;
  std::string z = "noise";
  DensityConfig density;

  void describe(auto& field) {
    field("temperature", temperature, 0.001, 10.0, "lower punishes near misses harder");
    field("negatives", negatives, {"auto", "all", "noise", "density"},
          "the whole bank, noise items, or images drawn by density; auto: by noise");
    field("noise", noise, int64_t{0}, int64_t{1} << 20,
          "noise items an image; 0: the softmax over the whole bank instead");
    field("z", z, {"noise", "noise_and_positive"},
          "whose scores of the first batch give the constant Z: the paper's, the released code's");
    field("density", density, "negatives by the density of the bank around them");
  }
};

/// The loss of features against a memory bank: npid_softmax; npid_nce with noise items from
/// Batch::random and a Z that is estimated from the first batch of a run and kept in the buffer
/// `log_z`; or density_contrast with negatives from Batch::random by the densities of the epoch's
/// start, which are kept in the buffer `density` of this choice alone (zeros, all alike, before the
/// first epoch).
class BankContrast : public torch::nn::Module {
 public:
  /// Throws ConfigError where noise is chosen and there is none, or density and there is one image.
  BankContrast(const BankContrastConfig& config, int64_t images, Group& group);

  /// feature [n, D] of this rank's part of the batch. Reports log_z, or the mean density of the
  /// negatives less that of all images.
  Loss loss(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) const;
  /// For after_step, before the bank moves.
  void keep(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch);
  /// For before_epoch. A collective.
  void find_densities(const MemoryBank& bank);

 private:
  at::Tensor noise_of(const MemoryBank& bank, const Batch& batch) const;
  at::Tensor log_z_of(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch,
                      const at::Tensor& noise) const;
  Loss by_softmax(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) const;
  Loss by_noise(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) const;
  Loss by_density(const at::Tensor& feature, const MemoryBank& bank, const Batch& batch) const;

  BankContrastConfig config_;
  Group& group_;
  at::Tensor log_z_;
  at::Tensor density_;  // [images] float64; undefined: not asked
};

}  // namespace nearfar
