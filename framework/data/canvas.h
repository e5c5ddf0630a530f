// RGB pictures to draw on: rectangles, outlines and words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "augment/view.h"

namespace nearfar {

struct Rgb8 {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Rgb8&) const = default;
};

/// RGB pixels [height, width, 3].
struct Canvas {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;
};

enum class Weight { regular, bold };

/// A canvas of one colour.
Canvas make_canvas(int height, int width, Rgb8 color);

/// The functions below draw what lies inside the canvas and leave out the rest.
void fill(Canvas& canvas, const Box& box, Rgb8 color);

/// The border of a box, `thickness` pixels wide, inside it.
void outline(Canvas& canvas, const Box& box, int thickness, Rgb8 color);

/// Writes one line with its upper left corner at (top, left).
void write_words(Canvas& canvas, int top, int left, std::string_view words, Rgb8 color,
                 Weight weight = Weight::regular);

/// Writes lines below each other, `pitch` pixels apart.
void write_block(Canvas& canvas, int top, int left, const std::vector<std::string>& lines,
                 int pitch, Rgb8 color, Weight weight = Weight::regular);

/// Pixels that a line of words takes.
int words_width(std::string_view words);

/// `text` with a '?' in place of each character that is not printable ASCII: what write_words can
/// show. `text` is UTF-8.
std::string printable(std::string_view text);

/// Lines of at most `columns` characters (at least 1), broken between parts, which stay whole where
/// they fit on a line. `separator` stands between parts; at the end of a line without its trailing
/// blank.
std::vector<std::string> wrap(const std::vector<std::string>& parts, std::string_view separator,
                              int columns);

/// Lines of words, broken at blanks.
std::vector<std::string> wrap_text(std::string_view text, int columns);

/// The bytes of a PNG file. Throws EnvironmentError when the images library is missing.
std::vector<uint8_t> encode_png(const Canvas& canvas);

/// The bytes of a JPEG file; quality from 1 to 100. Throws EnvironmentError when the images library
/// is missing.
std::vector<uint8_t> encode_jpeg(const Canvas& canvas, int quality);

}  // namespace nearfar
