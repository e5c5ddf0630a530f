// Mean and standard deviation of a data set's pixels, and the normalisation that follows from them.
#pragma once

#include <cstdint>
#include <vector>

#include "augment/render.h"
#include "framework/data/open.h"

namespace nearfar {

struct ChannelStatistics {
  std::vector<double> mean;  // by channel, of values in [0, 1]
  std::vector<double> std;   // of the population
};

/// Statistics over all pixels of at most max_images images, evenly spread over the set; exact
/// (integer histograms) where that is all of them. Throws std::invalid_argument unless the set has
/// images and max_images > 0; BadImage for an unreadable one.
ChannelStatistics channel_statistics(const Dataset& dataset, int64_t max_images);

/// What training normalises with: data.mean and data.std where given (ConfigError unless they have
/// one number a channel), else measured for sets in memory (a standard deviation of 0 becomes 1),
/// else ImageNet's. The second and third entries of one-channel sets are 0 and 1.
Normalize resolve_normalize(const DataConfig& config, const Dataset& dataset);

}  // namespace nearfar
