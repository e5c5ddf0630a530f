// From a file's bytes to upright 8-bit RGB pixels, whatever the format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace nearfar {

/// Reads a whole file into `bytes`, whose memory is reused. Throws BadImage with the reason,
/// without the path.
void read_image_file(const std::string& path, std::vector<uint8_t>& bytes);

/// Decodes a JPEG, PNG, WebP, BMP or TIFF file into `storage` as RGB, EXIF orientation applied. The
/// size is read from the header and compared with max_pixels before anything is decoded. `file` may
/// be modified. Throws BadImage with the reason, without a path; EnvironmentError where the images
/// library is missing.
Image decode_image(std::vector<uint8_t>& file, int64_t max_pixels, PixelBuffer& storage);

}  // namespace nearfar
