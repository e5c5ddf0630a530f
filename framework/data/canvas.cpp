// Drawing on pictures.
#include "framework/data/canvas.h"

#include <algorithm>
#include <array>

#include "framework/data/glyphs.h"
#include "framework/data/images_library.h"
#include "framework/error.h"

namespace nearfar {
namespace {

void put(Canvas& canvas, int y, int x, Rgb8 color) {
  if (y < 0 || x < 0 || y >= canvas.height || x >= canvas.width) return;
  uint8_t* pixel = &canvas.pixels[(static_cast<size_t>(y) * canvas.width + x) * 3];
  pixel[0] = color.red;
  pixel[1] = color.green;
  pixel[2] = color.blue;
}

void write_glyph(Canvas& canvas, int top, int left, char character, Rgb8 color) {
  const auto rows = glyph_rows(character);
  for (int y = 0; y < kGlyphHeight; ++y) {
    for (int x = 0; x < kGlyphWidth; ++x) {
      if ((rows[static_cast<size_t>(y)] >> (7 - x) & 1) != 0) put(canvas, top + y, left + x, color);
    }
  }
}

/// What the encoders hand their file to; `context` is a std::vector<uint8_t>.
void receive_file(void* context, const uint8_t* bytes, size_t size) {
  static_cast<std::vector<uint8_t>*>(context)->assign(bytes, bytes + size);
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

Canvas make_canvas(int height, int width, Rgb8 color) {
  Canvas canvas{height, width, {}};
  canvas.pixels.resize(static_cast<size_t>(height) * width * 3);
  fill(canvas, {0, 0, height, width}, color);
  return canvas;
}

void fill(Canvas& canvas, const Box& box, Rgb8 color) {
  for (int y = std::max(0, box.top); y < std::min(canvas.height, box.top + box.height); ++y) {
    for (int x = std::max(0, box.left); x < std::min(canvas.width, box.left + box.width); ++x) {
      put(canvas, y, x, color);
    }
  }
}

void outline(Canvas& canvas, const Box& box, int thickness, Rgb8 color) {
  const int t = std::min({thickness, box.height, box.width});
  fill(canvas, {box.top, box.left, t, box.width}, color);
  fill(canvas, {box.top + box.height - t, box.left, t, box.width}, color);
  fill(canvas, {box.top, box.left, box.height, t}, color);
  fill(canvas, {box.top, box.left + box.width - t, box.height, t}, color);
}

void write_words(Canvas& canvas, int top, int left, std::string_view words, Rgb8 color,
                 Weight weight) {
  for (size_t i = 0; i < words.size(); ++i) {
    const int at = left + static_cast<int>(i) * kGlyphWidth;
    write_glyph(canvas, top, at, words[i], color);
    if (weight == Weight::bold) write_glyph(canvas, top, at + 1, words[i], color);
  }
}

void write_block(Canvas& canvas, int top, int left, const std::vector<std::string>& lines,
                 int pitch, Rgb8 color, Weight weight) {
  for (const std::string& line : lines) {
    write_words(canvas, top, left, line, color, weight);
    top += pitch;
  }
}

int words_width(std::string_view words) { return static_cast<int>(words.size()) * kGlyphWidth; }

std::string printable(std::string_view text) {
  std::string shown;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if ((byte & 0xC0) == 0x80) continue;  // inside a character of several bytes
    shown += byte >= ' ' && byte <= '~' ? character : '?';
  }
  return shown;
}

std::vector<std::string> wrap(const std::vector<std::string>& parts, std::string_view separator,
                              int columns) {
  const auto room = static_cast<size_t>(std::max(1, columns));
  std::vector<std::string> lines;
  std::string line;
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string part = parts[i] + (i + 1 < parts.size() ? std::string(separator) : "");
    if (!line.empty() && line.size() + without_trailing_blanks(part).size() > room) {
      lines.push_back(without_trailing_blanks(line));
      line.clear();
    }
    for (line += part; without_trailing_blanks(line).size() > room; line.erase(0, room)) {
      lines.push_back(line.substr(0, room));
    }
  }
  if (!without_trailing_blanks(line).empty()) lines.push_back(without_trailing_blanks(line));
  return lines;
}

std::vector<std::string> wrap_text(std::string_view text, int columns) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return wrap(words, " ", columns);
}

std::vector<uint8_t> encode_png(const Canvas& canvas) {
  std::vector<uint8_t> file;
  std::array<char, 256> message{};
  if (images_library().encode_png(canvas.pixels.data(), canvas.height, canvas.width, receive_file,
                                  &file, message.data(), message.size()) != 0) {
    throw EnvironmentError(std::string("PNG: ") + message.data());
  }
  return file;
}

std::vector<uint8_t> encode_jpeg(const Canvas& canvas, int quality) {
  std::vector<uint8_t> file;
  std::array<char, 256> message{};
  if (images_library().encode_jpeg(canvas.pixels.data(), canvas.height, canvas.width, quality,
                                   receive_file, &file, message.data(), message.size()) != 0) {
    throw EnvironmentError(std::string("JPEG: ") + message.data());
  }
  return file;
}

}  // namespace nearfar
