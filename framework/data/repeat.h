// A data set several times over, for sets smaller than a batch.
#pragma once

#include <cstdint>
#include <memory>

#include "framework/data/dataset.h"

namespace nearfar {

/// `once` repeated: image i is image i % size of it. Throws std::invalid_argument unless times > 0.
std::shared_ptr<const Dataset> repeat(std::shared_ptr<const Dataset> once, int64_t times);

}  // namespace nearfar
