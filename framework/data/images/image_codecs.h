// The C function through which libnearfar_images.so decodes PNG, WebP, BMP and TIFF.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

/// What the fourth channel of a decoded image means.
enum NearfarAlpha {
  NEARFAR_ALPHA_IGNORED = 0,        // BMP: unspecified, often all zero
  NEARFAR_ALPHA_STRAIGHT = 1,       // PNG, WebP: colours are not multiplied by it
  NEARFAR_ALPHA_PREMULTIPLIED = 2,  // TIFF: libtiff hands out 8-bit colours multiplied by it
};

/// Decodes into out [height, width, 3] RGB, as stored (EXIF orientation is not applied). 16-bit
/// values become (v * 255 + 32767) / 65535; gray is replicated; alpha is composited over white
/// after that: (c * a + 255 * (255 - a) + 127) / 255, or min(255, c + 255 - a) where premultiplied
/// (16-bit TIFF: straight). Returns 0, or 1 with a reason of one line in `message` (always
/// terminated): damaged data, unsupported samples, or a size other than height x width.
/// Thread-safe; never throws.
int nearfar_decode_image(const uint8_t* bytes, size_t size, NearfarAlpha alpha, uint8_t* out,
                         int height, int width, char* message, size_t message_size);

}  // extern "C"

namespace nearfar {

inline constexpr const char* kImagesLibrary = "libnearfar_images.so";
inline constexpr const char* kDecodeImage = "nearfar_decode_image";
using DecodeImage = decltype(&nearfar_decode_image);

}  // namespace nearfar
