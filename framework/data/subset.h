// Part of a data set, in an order of one's own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

/// The images `indices` of `whole`, in that order; repeats are allowed. Throws std::out_of_range
/// for an index outside of it.
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> whole,
                                      std::vector<int64_t> indices);

}  // namespace nearfar
