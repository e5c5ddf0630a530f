// A bitmap font of fixed width, for words on pictures.
#pragma once

#include <cstdint>
#include <span>

namespace nearfar {

inline constexpr int kGlyphWidth = 6;
inline constexpr int kGlyphHeight = 13;

/// The rows of a character from top to bottom; the highest bit is the left column. What is not
/// printable ASCII looks like '?'.
std::span<const uint8_t, kGlyphHeight> glyph_rows(char character);

}  // namespace nearfar
