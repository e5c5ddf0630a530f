// draws.json (INTERFACE): views with every choice given, for checking pixels.
#pragma once

#include <string>
#include <vector>

#include "augment/render.h"
#include "framework/json/json.h"

namespace nearfar {

/// The views of a draws.json, and the image of each.
struct Draws {
  RenderTarget target;
  std::vector<View> views;
  std::vector<int64_t> images;
};

/// Reads draws.json for images of height x width. Throws ConfigError naming the place of a missing
/// or unknown member, an image that is not there, or a crop that leaves the image.
Draws read_draws(const Json& document, int64_t images, int height, int width);

/// A view, and the number of its image.
struct GivenView {
  int image = 0;
  View view;
};

/// The reverse: a document that read_draws() reads back to the same views, without mean and std.
Json draws_document(Size size, const std::string& interpolation,
                    const std::vector<GivenView>& views);

/// {"top", "left", "height", "width"}.
Json box_document(const Box& box);

}  // namespace nearfar
