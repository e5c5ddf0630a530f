// EXIF orientation: finding it in a TIFF directory and turning pictures upright.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "augment/view.h"

namespace nearfar {

/// A short or long value of the first directory of a TIFF file (EXIF blocks are TIFF files).
struct TiffValue {
  uint32_t value = 0;
  size_t at = 0;  // where its first byte stands
  size_t bytes = 0;
};

/// The value of `tag` in the first directory, or nothing when it is not there or not a number.
/// Throws BadImage where the bytes are no TIFF file or end early (TIFF 6.0, section 2).
std::optional<TiffValue> tiff_value(std::span<const uint8_t> tiff, uint32_t tag);

/// Whether the numbers of a TIFF file are big-endian ("MM"). Throws BadImage for other bytes.
bool tiff_is_big_endian(std::span<const uint8_t> tiff);

/// Orientation 1..8 of an EXIF block, with or without "Exif\0\0" before it. 1 where there is none
/// or the block is damaged: a broken tag does not make the picture unreadable.
int exif_orientation(std::span<const uint8_t> block);

/// Whether an orientation exchanges width and height (5..8).
inline bool swaps_sides(int orientation) { return orientation >= 5; }

/// Where the upright window lies in a stored picture [height, width]. Precondition: 1 <=
/// orientation <= 8.
Box stored_window(const Box& upright, int height, int width, int orientation);

/// Turns a stored picture [height, width, 3] upright into out, [width, height, 3] for 5..8
/// (EXIF 2.32, tag 0x0112). Precondition: 1 <= orientation <= 8, no overlap.
void turn_upright(const uint8_t* stored, int height, int width, int orientation, uint8_t* out);

}  // namespace nearfar
