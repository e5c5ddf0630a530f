// What a run leaves to its machine: the precision that is faster there, the micro-batch that fits.
#pragma once

#include "framework/log/log.h"
#include "framework/train/training.h"

namespace nearfar {

/// What was found on a machine.
struct DeviceFit {
  std::string precision;    // fp32 or bf16
  int64_t micro_batch = 0;  // 0: the whole piece of a rank
};

/// Whether these settings ask for a measurement.
bool measures_device(const TrainConfig& train);

/// Settles train.precision=auto by timing forward and backward of the recipe's networks in both
/// precisions, in turns, and train.memory by measuring what pieces of growing size and the loss
/// take. Says what it found. Leaves parameters, buffers and statistics as they were. `ranks` decide
/// together, by the slowest and the largest; where they are several, `training` is one over a
/// CountingGroup like theirs, so that no exchange is timed. A collective. Throws ConfigError when
/// not even the smallest piece fits.
DeviceFit fit_device(const RunConfig& config, Training& training, Group& ranks, Log& log);

/// The largest number of images for which fixed + per_image * n stays within `limit`, in whole
/// multiples of `unit`; 0 when not even one unit fits.
int64_t largest_piece(double fixed, double per_image, double limit, int64_t unit);

/// Bytes of rendered batches of `rows` images that wait for training or are in use: on a GPU, which
/// renders them itself, the one in use.
double bytes_of_batches(Training& training, int64_t rows, int64_t workers, bool on_gpu);

}  // namespace nearfar
