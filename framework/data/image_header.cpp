// Parsers of the headers of JPEG, PNG, WebP, BMP and TIFF files.
#include "framework/data/image_header.h"

#include <zlib.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "framework/data/byte_view.h"
#include "framework/data/orientation.h"

namespace nearfar {
namespace {

using std::string_view_literals::operator""sv;

constexpr int64_t kLargestSide = int64_t{1} << 30;

void set_size(ImageHeader& header, int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kLargestSide || height > kLargestSide) {
    throw BadImage("the header says " + std::to_string(width) + "x" + std::to_string(height) +
                   " pixels");
  }
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
}

/// SOF0..SOF15 without DHT, JPG and DAC, which share their range (ITU T.81, table B.1).
bool is_frame_header(uint8_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageHeader parse_jpeg(const ByteView& view) {
  ImageHeader header{ImageKind::jpeg};
  size_t at = 2;
  while (true) {
    if (view.u8(at) != 0xFF) throw BadImage("damaged JPEG: expected a marker before the frame");
    const uint8_t marker = view.u8(at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) throw BadImage("JPEG without a frame header");
    const size_t length = view.u16(at + 2);
    if (length < 2) throw BadImage("damaged JPEG: a segment of length " + std::to_string(length));
    if (is_frame_header(marker)) {
      set_size(header, view.u16(at + 7), view.u16(at + 5));
      return header;
    }
    if (marker == 0xE1 && view.holds(at + 4, "Exif\0\0"sv)) {
      header.orientation = exif_orientation(view.part(at + 4, length - 2));
    }
    at += 2 + length;
  }
}

/// Chunks whose names begin with a capital carry the picture (PNG 5.4); libpng, too, forgives the
/// rest.
void check_png_chunk(const ByteView& view, size_t at, size_t length) {
  const auto name_and_data = view.part(at + 4, length + 4);
  if ((name_and_data[0] & 0x20) != 0) return;
  const auto checksum =
      crc32_z(0, name_and_data.data(), static_cast<z_size_t>(name_and_data.size()));
  if (checksum != view.u32(at + 8 + length)) {
    throw BadImage("damaged PNG: a chunk has a wrong checksum");
  }
}

ImageHeader parse_png(const ByteView& view) {
  ImageHeader header{ImageKind::png};
  if (!view.holds(12, "IHDR")) throw BadImage("PNG without IHDR");
  set_size(header, view.u32(16), view.u32(20));
  for (size_t at = 8; !view.holds(at + 4, "IEND");) {
    if (view.size() - at < 12) throw BadImage("truncated PNG");
    const size_t length = view.u32(at);
    if (length > view.size() - at - 12) throw BadImage("truncated PNG");
    check_png_chunk(view, at, length);
    if (view.holds(at + 4, "eXIf")) {
      header.orientation = exif_orientation(view.part(at + 8, length));
    }
    at += 12 + length;
  }
  return header;
}

/// Orientation of the EXIF chunk that follows VP8X, wherever it stands.
int webp_orientation(const ByteView& view) {
  for (size_t at = 12; view.size() - at >= 8;) {
    const size_t length = view.u32(at + 4);
    if (length > view.size() - at - 8) break;
    if (view.holds(at, "EXIF")) return exif_orientation(view.part(at + 8, length));
    const size_t padded = length + length % 2;
    if (padded > view.size() - at - 8) break;
    at += 8 + padded;
  }
  return 1;
}

/// RFC 9649 (WebP container, lossy and lossless bitstreams).
ImageHeader parse_webp(const ByteView& view) {
  ImageHeader header{ImageKind::webp};
  if (view.size() - 8 < view.u32(4)) throw BadImage("truncated WebP");
  if (view.holds(12, "VP8 ")) {
    if (!view.holds(23, "\x9d\x01\x2a")) throw BadImage("damaged WebP: no VP8 start code");
    set_size(header, view.u16(26) & 0x3FFF, view.u16(28) & 0x3FFF);
  } else if (view.holds(12, "VP8L")) {
    if (view.u8(20) != 0x2F) throw BadImage("damaged WebP: no VP8L signature");
    const uint32_t bits = view.u32(21);
    set_size(header, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
  } else if (view.holds(12, "VP8X")) {
    set_size(header, int64_t{view.u24(24)} + 1, int64_t{view.u24(27)} + 1);
    header.orientation = webp_orientation(view);
  } else {
    throw BadImage("damaged WebP: expected a VP8, VP8L or VP8X chunk first");
  }
  return header;
}

ImageHeader parse_bmp(const ByteView& view) {
  ImageHeader header{ImageKind::bmp};
  const uint32_t info_size = view.u32(14);
  if (info_size == 12) {
    set_size(header, view.u16(18), view.u16(20));
    return header;
  }
  if (info_size < 40) throw BadImage("BMP with an unknown header");
  const auto height = static_cast<int32_t>(view.u32(22));  // negative: rows from the top
  set_size(header, static_cast<int32_t>(view.u32(18)), std::abs(int64_t{height}));
  const uint32_t bits = view.u16(28);
  const uint32_t compression = view.u32(30);
  const bool plain = compression == 0 || compression == 3;
  const int64_t stride = (int64_t{header.width} * bits + 31) / 32 * 4;
  const int64_t pixels_at = view.u32(10);
  if (plain && static_cast<int64_t>(view.size()) - pixels_at < stride * header.height) {
    throw BadImage("truncated BMP");
  }
  return header;
}

ImageHeader parse_tiff(std::span<const uint8_t> file) {
  ImageHeader header{ImageKind::tiff};
  const auto width = tiff_value(file, 256);
  const auto height = tiff_value(file, 257);
  if (!width || !height) throw BadImage("TIFF without width and height");
  set_size(header, width->value, height->value);
  if (const auto orientation = tiff_value(file, 274)) {
    header.orientation = exif_orientation(file);
    header.tiff_orientation = *orientation;
  }
  return header;
}

}  // namespace

const char* kind_name(ImageKind kind) {
  switch (kind) {
    case ImageKind::jpeg:
      return "JPEG";
    case ImageKind::png:
      return "PNG";
    case ImageKind::webp:
      return "WebP";
    case ImageKind::bmp:
      return "BMP";
    case ImageKind::tiff:
      return "TIFF";
  }
  return "unknown";
}

ImageHeader parse_image_header(std::span<const uint8_t> file) {
  if (file.empty()) throw BadImage("the file is empty");
  const ByteView big(file);
  const ByteView little(file, false);
  if (big.holds(0, "\xFF\xD8\xFF")) return parse_jpeg(big);
  if (big.holds(0, "\x89PNG\r\n\x1a\n")) return parse_png(big);
  if (big.holds(0, "RIFF") && big.holds(8, "WEBP")) return parse_webp(little);
  if (big.holds(0, "BM")) return parse_bmp(little);
  if (big.holds(0, "II") || big.holds(0, "MM")) return parse_tiff(file);
  throw BadImage("not a JPEG, PNG, WebP, BMP or TIFF image");
}

}  // namespace nearfar
