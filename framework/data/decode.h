// From a file's bytes to upright 8-bit RGB pixels, whatever the format.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "framework/data/dataset.h"

namespace nearfar {

/// Reads a whole file into `storage` and returns its bytes. Throws BadImage with the reason,
/// without the path.
std::span<uint8_t> read_image_file(const std::string& path, PixelBuffer& storage);

/// Decodes a JPEG, PNG, WebP, BMP or TIFF file into `storage` as RGB, EXIF orientation applied. The
/// size is read from the header and compared with max_pixels before anything is decoded. Where
/// `choose` is given, exactly that window of a JPEG file is decoded: to the same bits, and refused
/// for the same damage, as the whole image; the other formats are decoded whole and never ask.
/// `file` may be modified. Throws BadImage with the reason, without a path; EnvironmentError where
/// the images library is missing; std::invalid_argument for a window that leaves the image.
Image decode_image(std::span<uint8_t> file, int64_t max_pixels, PixelBuffer& storage,
                   const WindowChoice& choose = {});

}  // namespace nearfar
