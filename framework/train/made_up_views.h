// Batches of made-up images, for measuring steps without any data.
#pragma once

#include <cstdint>
#include <vector>

#include "augment/view_policy.h"
#include "framework/data/loader.h"

namespace nearfar {

/// Rendered views of the rows of `piece`: smooth patterns, different in every row, with labels in
/// turn where the data has classes. The largest view is `side` pixels high and wide, the others are
/// smaller in proportion.
ViewBatch make_up_views(const std::vector<ViewPolicy>& views, const DatasetInfo& data,
                        const Shard& piece, int64_t side);

/// Height and width of the largest view in pixels.
int64_t largest_side(const std::vector<ViewPolicy>& views);

}  // namespace nearfar
