// How the views of an image are drawn for training, and what they are rendered into.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "augment/render.h"
#include "augment/view_policy.h"

namespace nearfar {

/// Draws one view per policy into `views`: view v of image `index` from Random(seed, epoch, index,
/// Purpose::view, v). `image` is the size of the whole image.
void draw_views(std::span<const ViewPolicy> policies, uint64_t seed, int64_t epoch, int64_t index,
                Size image, std::vector<View>& views);

/// The smallest box that holds the crops of all views. Precondition: not empty.
Box union_of_crops(std::span<const View> views);

/// Size and filter of a policy's views.
RenderTarget target_of(const ViewPolicy& policy, const Normalize& normalize);

/// Targets of all views of a batch of `rows` images with `channels` channels, in float32: written
/// past the caches where the batch is larger than they are.
std::vector<RenderTarget> targets_of(std::span<const ViewPolicy> policies,
                                     const Normalize& normalize, int64_t rows, int channels);

}  // namespace nearfar
