// The losses of instance discrimination: every image is a class, and its row of a memory bank is
// the class's weight.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "augment/random.h"
#include "distributed/group.h"
#include "distributed/shard.h"
#include "framework/losses/memory_bank.h"

namespace nearfar {

// Wu et al. 2018, "Unsupervised feature learning via non-parametric instance discrimination". In
// all of them feature [n, d] is this rank's rows (`own`) of the global batch, normalised inside;
// float32 or float64, bfloat16 is computed in float32. index [n] int64 says which image each shows.
// The bank carries no gradient. A loss is the mean over local rows times W n / N: the mean over
// ranks is that of the global batch.

/// Equation 2: cross entropy of each feature's image under the softmax over the whole bank. One
/// pass over the bank gives the loss and its gradient, in tiles: no tensor is larger than a tile
/// or [N, d]. Sharded, the features of all ranks, their log-sums and means are exchanged, in the
/// forward alone.
at::Tensor npid_softmax(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                        double temperature, const Shard& own, const at::Tensor& index);

/// ln n: npid_softmax of embeddings that carry no information.
double npid_softmax_random_guess(int64_t images);

/// Noise items [own.size(), count] int64 on the CPU, uniform over `images`: those of a row depend
/// on the stream and on the row's number in the global batch alone.
at::Tensor draw_noise(Random random, const Shard& own, int64_t count, int64_t images);

/// The scores that the constant Z is estimated from.
enum class PartitionScores {
  noise,               // of the noise items (equation 8)
  noise_and_positive,  // of the image itself too (the released code)
};

/// ln Z, Z = n * mean over the global batch of exp(score / T), 0-d float64, the same on all ranks.
/// noise [n, m] are images. A collective.
at::Tensor npid_log_partition(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                              double temperature, const at::Tensor& noise, PartitionScores scores,
                              const Shard& own, const at::Tensor& index);

/// Noise-contrastive estimation (equations 4 to 7): with P = exp(score / T) / Z and h = P / (P + m
/// / n), minus log h of the image's own row and minus the sum over its m noise items of log(1 - h).
/// Z is a constant (log_partition, 0-d float64), noise [n, m] are images. A noise item's score is
/// used when its row is read: one pass, tiles of rows. Sharded, features and noise of all ranks
/// travel, and the host waits for the device to learn how many of them lie here.
at::Tensor npid_nce(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                    double temperature, const at::Tensor& log_partition, const at::Tensor& noise,
                    const Shard& own, const at::Tensor& index);

/// ln(1 + m) + m ln(1 + 1 / m): npid_nce of embeddings that carry no information, where P is 1 / n.
double npid_nce_random_guess(int64_t noise);

/// The proximal term (equation 10): the squared distance of each unit feature to its image's row.
at::Tensor npid_proximal(Group& group, const at::Tensor& feature, const MemoryBank& bank,
                         const Shard& own, const at::Tensor& index);

}  // namespace nearfar
