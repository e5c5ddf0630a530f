// The C functions through which libnearfar_images.so decodes PNG, WebP, BMP and TIFF, and encodes
// PNG and JPEG.
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

/// Encodes rgb [height, width, 3] as PNG and hands the file's bytes to `receive` once. Returns 0,
/// or 1 with a reason of one line in `message`. Thread-safe; never throws.
int nearfar_encode_png(const uint8_t* rgb, int height, int width,
                       void (*receive)(void* context, const uint8_t* bytes, size_t size),
                       void* context, char* message, size_t message_size);

/// The same as JPEG, with a quality from 1 to 100.
int nearfar_encode_jpeg(const uint8_t* rgb, int height, int width, int quality,
                        void (*receive)(void* context, const uint8_t* bytes, size_t size),
                        void* context, char* message, size_t message_size);

}  // extern "C"

namespace nearfar {

inline constexpr const char* kImagesLibrary = "libnearfar_images.so";
inline constexpr const char* kDecodeImage = "nearfar_decode_image";
inline constexpr const char* kEncodePng = "nearfar_encode_png";
inline constexpr const char* kEncodeJpeg = "nearfar_encode_jpeg";

/// The functions of the opened library.
struct ImageCodecs {
  decltype(&nearfar_decode_image) decode = nullptr;
  decltype(&nearfar_encode_png) encode_png = nullptr;
  decltype(&nearfar_encode_jpeg) encode_jpeg = nullptr;
};

}  // namespace nearfar
