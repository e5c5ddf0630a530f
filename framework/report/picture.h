// Pictures inside a page: files that a browser shows, and many small ones in one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/canvas.h"

namespace nearfar {

// What pictures may take, so that a page with the default settings stays below 5 MB whatever they
// show. Bytes are those of PNG, above which JPEG takes over.
inline constexpr double kThumbnailPixels = 1.2e6;  // of all thumbnails of a map
inline constexpr int kLargestThumbnail = 48;       // pixels a side
inline constexpr size_t kThumbnailBytes = size_t{1} << 20;
inline constexpr int kNeighborSide = 84;
inline constexpr size_t kNeighborBytes = 3000;
inline constexpr size_t kViewsBytes = size_t{5} << 18;  // of JPEG too: larger ones are left out

/// An image file.
struct Picture {
  std::string type;  // "image/png", "image/jpeg"
  std::vector<uint8_t> bytes;
  int width = 0, height = 0;
};

/// PNG, or JPEG of quality 85 where PNG would take more than `most` bytes. Throws EnvironmentError
/// when the images library is missing.
Picture encode_picture(const Canvas& canvas, size_t most);

/// Equal square pictures side by side, in rows.
struct SpriteSheet {
  Picture picture;
  int side = 0;     // of one picture, in pixels
  int columns = 1;  // in a row
};

/// Pictures [side, side, 3], all of one size, as one. Throws std::invalid_argument where sizes
/// differ.
SpriteSheet sprite_sheet(const std::vector<Canvas>& pictures, size_t most);

}  // namespace nearfar
