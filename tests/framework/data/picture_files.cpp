// Encoders for tests.
#include "tests/framework/data/picture_files.h"

#include <zlib.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include <jpeglib.h>

namespace nearfar {
namespace {

void append(Bytes& bytes, const std::string& text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
}

void append_number(Bytes& bytes, uint32_t value, int count, bool big_endian) {
  for (int i = 0; i < count; ++i) {
    bytes.push_back(static_cast<uint8_t>(value >> 8 * (big_endian ? count - 1 - i : i)));
  }
}

cv::Mat to_mat(const Picture& picture, int depth, const std::function<int(uint8_t)>& value) {
  cv::Mat mat(picture.height, picture.width, CV_MAKETYPE(depth, picture.channels));
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (int c = 0; c < picture.channels; ++c) {
        const int from = picture.channels >= 3 && c < 3 ? 2 - c : c;  // RGB -> BGR
        const int v = value(picture.at(y, x, from));
        const int at = x * picture.channels + c;
        if (depth == CV_8U) mat.ptr<uint8_t>(y)[at] = static_cast<uint8_t>(v);
        if (depth == CV_16U) mat.ptr<uint16_t>(y)[at] = static_cast<uint16_t>(v);
      }
    }
  }
  return mat;
}

Bytes encode_mat(const std::string& ending, const cv::Mat& mat) {
  Bytes bytes;
  std::vector<int> settings;
  if (ending == ".webp") settings = {cv::IMWRITE_WEBP_QUALITY, 101};  // above 100: lossless
  if (!cv::imencode(ending, mat, bytes, settings)) throw std::runtime_error("imencode failed");
  return bytes;
}

}  // namespace

Picture make_picture(int height, int width, int channels,
                     const std::function<int(int, int, int)>& value) {
  Picture picture{height, width, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        picture.pixels.push_back(static_cast<uint8_t>(value(y, x, c)));
      }
    }
  }
  return picture;
}

Picture sample_picture(int height, int width, int seed) {
  return make_picture(height, width, 3, [&](int y, int x, int c) {
    return 20 + (200 * y / height + (c + 1) * 90 * x / width / 2 + 37 * seed + 11 * c) % 216;
  });
}

Bytes write_jpeg(const Picture& picture,
                 const std::function<void(jpeg_compress_struct&)>& configure) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &memory, &size);
  codec.image_width = static_cast<JDIMENSION>(picture.width);
  codec.image_height = static_cast<JDIMENSION>(picture.height);
  codec.input_components = picture.channels;
  codec.in_color_space = picture.channels == 1   ? JCS_GRAYSCALE
                         : picture.channels == 3 ? JCS_RGB
                                                 : JCS_CMYK;
  jpeg_set_defaults(&codec);
  configure(codec);
  jpeg_start_compress(&codec, TRUE);
  for (int y = 0; y < picture.height; ++y) {
    auto* row = const_cast<uint8_t*>(picture.pixels.data()) +
                static_cast<size_t>(y) * picture.width * picture.channels;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  Bytes bytes(memory, memory + size);
  jpeg_destroy_compress(&codec);
  std::free(memory);
  return bytes;
}

Bytes encode_jpeg(const Picture& picture, bool adobe_marker) {
  return write_jpeg(picture, [&](jpeg_compress_struct& codec) {
    jpeg_set_quality(&codec, 100, TRUE);
    if (picture.channels == 4) codec.write_Adobe_marker = adobe_marker ? TRUE : FALSE;
    for (int i = 0; i < codec.num_components; ++i) {
      codec.comp_info[i].h_samp_factor = codec.comp_info[i].v_samp_factor = 1;
    }
  });
}

Bytes encode_through_opencv(const std::string& ending, const Picture& picture) {
  return encode_mat(ending, to_mat(picture, CV_8U, [](uint8_t v) { return v; }));
}

Bytes encode_16_bits(const std::string& ending, const Picture& picture,
                     const std::function<uint16_t(uint8_t)>& wide) {
  return encode_mat(ending, to_mat(picture, CV_16U, wide));
}

Bytes plain_tiff(const Picture& picture, int orientation, bool big_endian) {
  const auto height = static_cast<uint32_t>(picture.height);
  const auto width = static_cast<uint32_t>(picture.width);
  constexpr uint32_t kEntries = 10;
  constexpr uint32_t kDepthsAt = 8 + 2 + 12 * kEntries + 4;
  Bytes file;
  const auto number = [&](uint32_t value, int count) {
    append_number(file, value, count, big_endian);
  };
  const auto entry = [&](uint32_t tag, uint32_t type, uint32_t value) {
    number(tag, 2);
    number(type, 2);
    number(1, 4);
    number(value, type == 3 ? 2 : 4);
    if (type == 3) number(0, 2);
  };
  append(file, big_endian ? "MM" : "II");
  number(42, 2);
  number(8, 4);
  number(kEntries, 2);
  entry(256, 4, width);
  entry(257, 4, height);
  number(258, 2);  // bits of the three samples, kept behind the directory
  number(3, 2);
  number(3, 4);
  number(kDepthsAt, 4);
  entry(259, 3, 1);  // no compression
  entry(262, 3, 2);  // RGB
  entry(273, 4, kDepthsAt + 6);
  entry(274, 3, static_cast<uint32_t>(orientation));
  entry(277, 3, 3);
  entry(278, 4, height);
  entry(279, 4, height * width * 3);
  number(0, 4);
  for (int i = 0; i < 3; ++i) number(8, 2);
  file.insert(file.end(), picture.pixels.begin(), picture.pixels.end());
  return file;
}

Bytes exif_block(int orientation, bool big_endian) {
  Bytes block;
  append(block, big_endian ? "MM" : "II");
  append_number(block, 42, 2, big_endian);
  append_number(block, 8, 4, big_endian);  // the directory follows
  append_number(block, 1, 2, big_endian);
  append_number(block, 0x0112, 2, big_endian);
  append_number(block, 3, 2, big_endian);
  append_number(block, 1, 4, big_endian);
  append_number(block, static_cast<uint32_t>(orientation), 2, big_endian);
  append_number(block, 0, 2, big_endian);
  append_number(block, 0, 4, big_endian);
  return block;
}

Bytes with_jpeg_exif(const Bytes& jpeg, const Bytes& block) {
  Bytes segment{0xFF, 0xE1};
  append_number(segment, static_cast<uint32_t>(block.size() + 8), 2, true);
  append(segment, std::string("Exif\0\0", 6));
  segment.insert(segment.end(), block.begin(), block.end());
  Bytes result = jpeg;
  result.insert(result.begin() + 2, segment.begin(), segment.end());
  return result;
}

Bytes with_png_exif(const Bytes& png, const Bytes& block) {
  Bytes chunk;
  append_number(chunk, static_cast<uint32_t>(block.size()), 4, true);
  append(chunk, "eXIf");
  chunk.insert(chunk.end(), block.begin(), block.end());
  append_number(chunk, static_cast<uint32_t>(crc32(0, chunk.data() + 4, block.size() + 4)), 4,
                true);
  Bytes result = png;
  result.insert(result.begin() + 33, chunk.begin(), chunk.end());
  return result;
}

Bytes with_webp_exif(const Bytes& webp, int width, int height, const Bytes& block) {
  Bytes body;
  append(body, "WEBPVP8X");
  append_number(body, 10, 4, false);
  append_number(body, 0x08, 4, false);  // the flag of an EXIF chunk
  append_number(body, static_cast<uint32_t>(width - 1), 3, false);
  append_number(body, static_cast<uint32_t>(height - 1), 3, false);
  body.insert(body.end(), webp.begin() + 12, webp.end());
  append(body, "EXIF");
  append_number(body, static_cast<uint32_t>(block.size()), 4, false);
  body.insert(body.end(), block.begin(), block.end());
  Bytes result;
  append(result, "RIFF");
  append_number(result, static_cast<uint32_t>(body.size()), 4, false);
  result.insert(result.end(), body.begin(), body.end());
  return result;
}

}  // namespace nearfar
