// Encoding of pictures, and many small ones in one.
#include "framework/report/picture.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nearfar {
namespace {

constexpr int kQuality = 85;

void paste(Canvas& sheet, const Canvas& picture, int top, int left) {
  for (int y = 0; y < picture.height; ++y) {
    const auto* from = &picture.pixels[static_cast<size_t>(y) * picture.width * 3];
    auto* to = &sheet.pixels[(static_cast<size_t>(top + y) * sheet.width + left) * 3];
    std::copy_n(from, picture.width * 3, to);
  }
}

}  // namespace

Picture encode_picture(const Canvas& canvas, size_t most) {
  std::vector<uint8_t> png = encode_png(canvas);
  if (png.size() <= most) return {"image/png", std::move(png), canvas.width, canvas.height};
  return {"image/jpeg", encode_jpeg(canvas, kQuality), canvas.width, canvas.height};
}

SpriteSheet sprite_sheet(const std::vector<Canvas>& pictures, size_t most) {
  if (pictures.empty()) return {};
  const int side = pictures.front().height;
  const auto count = static_cast<int>(pictures.size());
  const int columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count))));
  const int rows = (count + columns - 1) / columns;
  Canvas sheet = make_canvas(rows * side, columns * side, {255, 255, 255});
  for (int i = 0; i < count; ++i) {
    const Canvas& picture = pictures[static_cast<size_t>(i)];
    if (picture.height != side || picture.width != side) {
      throw std::invalid_argument("sprite_sheet: expected squares of " + std::to_string(side) +
                                  " pixels, got " + std::to_string(picture.height) + " x " +
                                  std::to_string(picture.width));
    }
    paste(sheet, picture, i / columns * side, i % columns * side);
  }
  return {encode_picture(sheet, most), side, columns};
}

}  // namespace nearfar
