// The images that a run may learn labels from.
#pragma once

#include <memory>
#include <string>

#include "framework/data/open.h"

namespace nearfar {

/// The place of the first image without a label; empty: all have one.
std::string place_without_label(const Dataset& images);

/// balanced_draw() of data.label_fraction > 0 of the training part by `seed`. Throws DataError
/// where an image has no label.
std::shared_ptr<const Dataset> labelled_part(const DataParts& data, const DataConfig& config,
                                             uint64_t seed);

}  // namespace nearfar
