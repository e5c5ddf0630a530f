// The only file that includes libjpeg.
#include "framework/data/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include <jpeglib.h>
// jpeglib.h must come first.
#include <jerror.h>

#include "framework/data/dataset.h"

namespace nearfar {
namespace {

/// libjpeg reports errors through a C callback that must not return.
struct JpegErrors {
  jpeg_error_mgr callbacks;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

// A file with more scans than this is made to cost time, not to show a picture.
constexpr int kMostScans = 500;

JpegErrors& errors_of(j_common_ptr codec) { return *reinterpret_cast<JpegErrors*>(codec->err); }

[[noreturn]] void stop_decoding(j_common_ptr codec) {
  JpegErrors& errors = errors_of(codec);
  codec->err->format_message(codec, errors.message);
  std::longjmp(errors.jump, 1);
}

/// Warnings that leave the pixels whole.
bool is_harmless(int code) {
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR;
}

void hear_message(j_common_ptr codec, int level) {
  if (level < 0 && !is_harmless(codec->err->msg_code)) stop_decoding(codec);
}

void watch_progress(j_common_ptr codec) {
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number <= kMostScans) return;
  codec->err->msg_code = 0;
  std::snprintf(errors_of(codec).message, JMSG_LENGTH_MAX, "more than %d scans", kMostScans);
  std::longjmp(errors_of(codec).jump, 1);
}

uint8_t multiply(int a, int b) { return static_cast<uint8_t>((a * b + 127) / 255); }

void cmyk_to_rgb(const uint8_t* cmyk, int width, bool inverted, uint8_t* rgb) {
  const int flip = inverted ? 0 : 255;
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) rgb[c] = multiply(cmyk[c] ^ flip, cmyk[3] ^ flip);
  }
}

/// Whether rows and columns can be left out without changing the others. Not in files of several
/// scans, where libjpeg smooths across the edges of blocks; and odd sampling ratios are rare enough
/// to be decoded whole, since libjpeg-turbo repaired their partial decoding more than once
/// (ChangeLog, 2.1.5 to 3.1.2).
bool decodes_parts_exactly(j_decompress_ptr codec) {
  if (jpeg_has_multiple_scans(codec)) return false;
  if (codec->num_components == 1) return true;
  const jpeg_component_info* parts = codec->comp_info;
  const auto is_single = [](const jpeg_component_info& part) {
    return part.h_samp_factor == 1 && part.v_samp_factor == 1;
  };
  return codec->num_components == 3 && parts[0].h_samp_factor <= 2 && parts[0].v_samp_factor <= 2 &&
         is_single(parts[1]) && is_single(parts[2]);
}

// Narrower crops make libjpeg change its upsampling from triangle to box (jdsample.c: more than two
// columns of chroma).
constexpr int kNarrowestCrop = 8;

/// Decodes one file. A reused decompressor would keep the tables of the file before, and with them
/// decode a damaged file that has lost its own; setting one up costs less than a microsecond.
class JpegDecoder {
 public:
  JpegDecoder() {
    codec_.err = jpeg_std_error(&errors_.callbacks);
    errors_.callbacks.error_exit = stop_decoding;
    errors_.callbacks.emit_message = hear_message;
    progress_.progress_monitor = watch_progress;
    if (setjmp(errors_.jump) != 0) {
      throw std::runtime_error(std::string("libjpeg: ") + errors_.message);
    }
    jpeg_create_decompress(&codec_);
    codec_.progress = &progress_;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&codec_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  void decode(std::span<const uint8_t> file, int height, int width, const Box& window,
              uint8_t* out) {
    thread_local PixelBuffer row;
    row_ = row.make_room(static_cast<size_t>(width) * 4);
    if (decode_window(file, height, width, window, out)) return;
    if (errors_.callbacks.msg_code == JWRN_JPEG_EOF) throw BadImage("truncated JPEG");
    throw BadImage(std::string("damaged JPEG: ") + errors_.message);
  }

 private:
  /// Everything that libjpeg may jump out of; only plain data lives here and in what it calls.
  bool decode_window(std::span<const uint8_t> file, int height, int width, const Box& window,
                     uint8_t* out) {
    if (setjmp(errors_.jump) != 0) return false;
    errors_.callbacks.reset_error_mgr(reinterpret_cast<j_common_ptr>(&codec_));
    jpeg_mem_src(&codec_, file.data(), file.size());
    jpeg_read_header(&codec_, TRUE);
    const bool cmyk = codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK;
    codec_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&codec_);
    if (codec_.output_height != static_cast<JDIMENSION>(height) ||
        codec_.output_width != static_cast<JDIMENSION>(width)) {
      errors_.callbacks.msg_code = 0;
      std::snprintf(errors_.message, sizeof(errors_.message), "decoded size %ux%u, header %dx%d",
                    codec_.output_width, codec_.output_height, width, height);
      return false;
    }
    const bool parts = decodes_parts_exactly(&codec_);
    const int first_column = parts ? crop_columns(window, width) : 0;
    pass_rows(window.top, parts);
    read_rows(window, first_column, out);
    read_the_rest(parts);
    return true;
  }

  /// Leaves out columns on both sides; returns the first that is decoded. One more than the window
  /// has on either side is kept: chroma at the edge is interpolated with that of its neighbour.
  int crop_columns(const Box& window, int width) {
    const int end = std::min(width, std::max(window.left + window.width + 1, kNarrowestCrop));
    const int begin = std::max(0, std::min(window.left - 1, end - kNarrowestCrop));
    auto first = static_cast<JDIMENSION>(begin);
    auto count = static_cast<JDIMENSION>(end - begin);
    jpeg_crop_scanline(&codec_, &first, &count);
    return static_cast<int>(first);
  }

  void pass_rows(int count, bool parts) {
    if (parts && count > 0) {
      jpeg_skip_scanlines(&codec_, static_cast<JDIMENSION>(count));
      return;
    }
    JSAMPROW row = row_;
    for (int i = 0; i < count; ++i) jpeg_read_scanlines(&codec_, &row, 1);
  }

  void read_rows(const Box& window, int first_column, uint8_t* out) {
    const bool cmyk = codec_.out_color_space == JCS_CMYK;
    const bool in_place = !cmyk && codec_.output_width == static_cast<JDIMENSION>(window.width);
    const uint8_t* from = row_ + (window.left - first_column) * (cmyk ? 4 : 3);
    const size_t row_bytes = static_cast<size_t>(window.width) * 3;
    for (int y = 0; y < window.height; ++y, out += row_bytes) {
      JSAMPROW target = in_place ? out : row_;
      jpeg_read_scanlines(&codec_, &target, 1);
      if (cmyk) {
        cmyk_to_rgb(from, window.width, codec_.saw_Adobe_marker, out);
      } else if (!in_place) {
        std::memcpy(out, from, row_bytes);
      }
    }
  }

  /// Goes through the data below the window, where damage is found as it is inside.
  void read_the_rest(bool parts) {
    if (jpeg_has_multiple_scans(&codec_)) return;  // all of it was read before the first row
    const auto below = static_cast<int>(codec_.output_height - codec_.output_scanline);
    // Skipping to the very end would not look at the data: the last row is decoded.
    if (below > 1) pass_rows(below - 1, parts);
    if (below > 0) pass_rows(1, false);
    jpeg_finish_decompress(&codec_);
  }

  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  JpegErrors errors_{};
  uint8_t* row_ = nullptr;  // of any width, as decoded
};

}  // namespace

void decode_jpeg(std::span<const uint8_t> file, int height, int width, const Box& window,
                 uint8_t* out) {
  JpegDecoder decoder;
  decoder.decode(file, height, width, window, out);
}

}  // namespace nearfar
