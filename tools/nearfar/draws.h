// draws.json: views with every choice given, for checking pixels.
#pragma once

#include <array>
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

/// Reads draws.json:
///
///   {"size": [height, width], "interpolation": "bilinear" or "bicubic",
///    "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
///    "views": [{"image": 0, "crop": {"top": 3, "left": 5, "height": 120, "width": 99},
///               "flip": true, "jitter": [["brightness", 1.2], ["hue", -0.05]],
///               "grayscale": false, "blur": {"kernel": 23, "sigma": 1.3}, "solarize": 0.5}]}
///
/// What is absent of a view is not applied; without a crop it is of the whole image. The steps of
/// jitter apply in their order. Without mean and std, values are on the scale [0, 1]. All images
/// are of height x width. Throws ConfigError naming the place of a missing or unknown member, an
/// image that is not there, a crop that leaves the image, or what else view_error() finds.
Draws read_draws(const Json& document, int64_t images, int height, int width);

/// Three numbers, one a colour. Throws ConfigError naming the place of anything else.
std::array<float, 3> read_channels(const Json& list);

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
