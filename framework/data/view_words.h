// A view's choices in words, for contact sheets.
#pragma once

#include <string>
#include <vector>

#include "augment/view.h"

namespace nearfar {

/// The choices in the order in which they are applied: "crop 43% 1.21" (share of the image's area,
/// width / height), "flip", "sat 1.32", "hue -0.08", "con 0.70", "bri 1.10", "gray", "blur 1.30"
/// (sigma in pixels of the view), "solarize" (with its threshold where that is not a half).
/// `image` is the size of the whole image.
std::vector<std::string> view_words(const View& view, Size image);

/// What the words mean, in one sentence.
const char* view_words_legend();

}  // namespace nearfar
