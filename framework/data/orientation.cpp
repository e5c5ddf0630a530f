// Orientation of pictures, from EXIF and TIFF directories.
#include "framework/data/orientation.h"

#include <cstring>
#include <string_view>
#include <utility>

#include "framework/data/byte_view.h"

namespace nearfar {
namespace {

constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShort = 3;
constexpr uint32_t kLong = 4;

bool columns_run_backwards(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

bool rows_run_upwards(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

}  // namespace

bool tiff_is_big_endian(std::span<const uint8_t> tiff) {
  const ByteView view(tiff);
  using std::string_view_literals::operator""sv;
  if (view.holds(0, "II\x2a\0"sv)) return false;
  if (view.holds(0, "MM\0\x2a"sv)) return true;
  if (view.holds(0, "II\x2b\0"sv) || view.holds(0, "MM\0\x2b"sv)) {
    throw BadImage("BigTIFF is not supported");
  }
  throw BadImage("not a TIFF header");
}

std::optional<TiffValue> tiff_value(std::span<const uint8_t> tiff, uint32_t tag) {
  const ByteView view(tiff, tiff_is_big_endian(tiff));
  const size_t directory = view.u32(4);
  const uint32_t entries = view.u16(directory);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + size_t{12} * i;
    if (view.u16(entry) != tag) continue;
    const uint32_t type = view.u16(entry + 2);
    if (view.u32(entry + 4) != 1 || (type != kShort && type != kLong)) return std::nullopt;
    const size_t at = entry + 8;
    if (type == kShort) return TiffValue{view.u16(at), at, 2};
    return TiffValue{view.u32(at), at, 4};
  }
  return std::nullopt;
}

int exif_orientation(std::span<const uint8_t> block) {
  using std::string_view_literals::operator""sv;
  if (ByteView(block).holds(0, "Exif\0\0"sv)) block = block.subspan(6);
  try {
    const auto found = tiff_value(block, kOrientationTag);
    return found && found->value >= 1 && found->value <= 8 ? static_cast<int>(found->value) : 1;
  } catch (const BadImage&) {
    return 1;
  }
}

Box stored_window(const Box& upright, int height, int width, int orientation) {
  Box stored = upright;
  if (swaps_sides(orientation)) stored = {upright.left, upright.top, upright.width, upright.height};
  if (rows_run_upwards(orientation)) stored.top = height - stored.top - stored.height;
  if (columns_run_backwards(orientation)) stored.left = width - stored.left - stored.width;
  return stored;
}

void turn_upright(const uint8_t* stored, int height, int width, int orientation, uint8_t* out) {
  int64_t next_row = int64_t{width} * 3;
  int64_t next_column = 3;
  if (rows_run_upwards(orientation)) {
    stored += (height - 1) * next_row;
    next_row = -next_row;
  }
  if (columns_run_backwards(orientation)) {
    stored += (width - 1) * next_column;
    next_column = -next_column;
  }
  if (swaps_sides(orientation)) {
    std::swap(next_row, next_column);
    std::swap(height, width);
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, out += 3) {
      std::memcpy(out, stored + y * next_row + x * next_column, 3);
    }
  }
}

}  // namespace nearfar
