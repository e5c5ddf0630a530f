// What a view must fulfil before any renderer executes it.
#pragma once

#include <span>
#include <string>

#include "augment/image.h"
#include "augment/render.h"
#include "augment/view.h"

namespace nearfar {

/// What keeps `view` of `image` from being rendered to `target`, or an empty string.
std::string view_error(const Image& image, const View& view, const RenderTarget& target);

/// Throws std::invalid_argument in the name of `who` when the counts differ, channels differ
/// between images, or a view has an error; names the first such view.
void check_views(const std::string& who, std::span<const Image> images, std::span<const View> views,
                 const RenderTarget& target);

}  // namespace nearfar
