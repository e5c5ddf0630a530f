// Writes image files for tests: JPEG through libjpeg, the others through OpenCV.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct jpeg_compress_struct;

namespace nearfar {

using Bytes = std::vector<uint8_t>;

/// Pixels [height, width, channels].
struct Picture {
  int height = 0;
  int width = 0;
  int channels = 3;
  Bytes pixels;
  uint8_t at(int y, int x, int c) const {
    return pixels[static_cast<size_t>((y * width + x) * channels + c)];
  }
};

/// A picture by formula: value(y, x, c).
Picture make_picture(int height, int width, int channels,
                     const std::function<int(int, int, int)>& value);
/// A smooth colour picture, different for every seed, without symmetry.
Picture sample_picture(int height, int width, int seed = 0);

/// A JPEG file with libjpeg's defaults for the channels (1: gray, 3: RGB, 4: CMYK) and what
/// `configure` changes of them.
Bytes write_jpeg(const Picture& picture,
                 const std::function<void(jpeg_compress_struct&)>& configure);

/// Quality 100 without chroma subsampling. Channels 1, 3, or 4: CMYK as stored, with or without the
/// Adobe marker.
Bytes encode_jpeg(const Picture& picture, bool adobe_marker = true);

/// PNG, WebP (lossless), BMP or TIFF by ending (".png"), of RGB(A) or gray pixels. 16 bits: every
/// value v is stored as wide(v).
Bytes encode_through_opencv(const std::string& ending, const Picture& picture);
Bytes encode_16_bits(const std::string& ending, const Picture& picture,
                     const std::function<uint16_t(uint8_t)>& wide);

/// An uncompressed RGB TIFF file with that orientation, written byte by byte.
Bytes plain_tiff(const Picture& picture, int orientation, bool big_endian);

/// An EXIF block (TIFF structure) with that orientation.
Bytes exif_block(int orientation, bool big_endian);
/// Inserts an EXIF segment behind SOI.
Bytes with_jpeg_exif(const Bytes& jpeg, const Bytes& block);
/// Inserts an eXIf chunk behind IHDR.
Bytes with_png_exif(const Bytes& png, const Bytes& block);
/// Turns a lossless (VP8L) WebP file into an extended one with an EXIF chunk.
Bytes with_webp_exif(const Bytes& webp, int width, int height, const Bytes& block);

}  // namespace nearfar
