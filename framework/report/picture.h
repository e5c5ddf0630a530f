// Pictures inside a page: files that a browser shows, and many small ones in one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/canvas.h"

namespace nearfar {

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
