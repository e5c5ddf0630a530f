// A decoded 8-bit image, or a window of one, borrowed from whoever decoded it.
#pragma once

#include <cstdint>

namespace nearfar {

/// Borrowed pixels [height, width, channels], row-major uint8, channels 1 (gray) or 3 (RGB).
/// The pixels may be a window of a larger image: (top, left) is the window's corner and
/// (full_height, full_width) the size of that image; boxes of views are in full-image coordinates.
struct Image {
  const uint8_t* pixels = nullptr;
  int height = 0;
  int width = 0;
  int channels = 0;
  int top = 0;
  int left = 0;
  int full_height = 0;
  int full_width = 0;
};

/// The Image of a whole decoded picture.
inline Image whole_image(const uint8_t* pixels, int height, int width, int channels) {
  return {pixels, height, width, channels, 0, 0, height, width};
}

}  // namespace nearfar
