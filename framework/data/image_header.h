// Kind, size and orientation of an image file, read from its first bytes before anything is
// decoded.
#pragma once

#include <cstdint>
#include <span>

#include "framework/data/orientation.h"

namespace nearfar {

enum class ImageKind { jpeg, png, webp, bmp, tiff };

/// "JPEG", "PNG", ...
const char* kind_name(ImageKind kind);

struct ImageHeader {
  ImageKind kind = ImageKind::jpeg;
  int width = 0;  // as stored, before the orientation is applied
  int height = 0;
  int orientation = 1;           // EXIF's, 1..8
  TiffValue tiff_orientation{};  // where a TIFF file's own orientation stands; no bytes: nowhere
};

/// Recognises the kind by its magic bytes (a file's name says nothing) and reads the header with a
/// bounds-checked parser of our own. PNG, WebP and BMP files that end early are found here. Throws
/// BadImage with the reason, without a path.
ImageHeader parse_image_header(std::span<const uint8_t> file);

}  // namespace nearfar
