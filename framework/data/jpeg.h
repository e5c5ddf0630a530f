// JPEG decoding through libjpeg-turbo.
#pragma once

#include <cstdint>
#include <span>

#include "augment/view.h"

namespace nearfar {

/// Decodes a window of a JPEG file of the given size into out [window.height, window.width, 3] RGB,
/// as stored (no orientation): the bits that decoding everything gives. Gray is replicated. CMYK
/// and YCCK become R = C * K / 255 (rounded; G and B likewise) where an Adobe marker says that
/// values are inverted, R = (255 - C) * (255 - K) / 255 otherwise. Thread-safe. Throws
/// BadImage with the reason, without a path: damaged or truncated data (libjpeg alone would fill in
/// gray and only warn), or another size. Data outside the window is held to the same rules, so that
/// a file is good or bad whatever its window.
/// Precondition: the window is not empty and lies inside the image.
void decode_jpeg(std::span<const uint8_t> file, int height, int width, const Box& window,
                 uint8_t* out);

}  // namespace nearfar
