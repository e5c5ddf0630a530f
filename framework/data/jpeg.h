// JPEG decoding through libjpeg-turbo.
#pragma once

#include <cstdint>
#include <span>

namespace nearfar {

/// Decodes a JPEG file of the given size into out [height, width, 3] RGB, as stored (no
/// orientation). Gray is replicated. CMYK and YCCK become R = C * K / 255 (rounded; G and B
/// likewise) where an Adobe marker says that values are inverted, R = (255 - C) * (255 - K) / 255
/// otherwise. Thread-safe: every thread reuses a decompressor of its own. Throws BadImage with the
/// reason, without a path: damaged or truncated data (libjpeg alone would fill in gray and only
/// warn), or another size.
void decode_jpeg(std::span<const uint8_t> file, int height, int width, uint8_t* out);

}  // namespace nearfar
