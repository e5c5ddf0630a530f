// The only file that includes libjpeg.
#include "framework/data/jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

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

  void decode(std::span<const uint8_t> file, int height, int width, uint8_t* out) {
    row_.resize(static_cast<size_t>(width) * 4);
    if (decode_rows(file, height, width, out)) return;
    jpeg_abort_decompress(&codec_);
    if (errors_.callbacks.msg_code == JWRN_JPEG_EOF) throw BadImage("truncated JPEG");
    throw BadImage(std::string("damaged JPEG: ") + errors_.message);
  }

 private:
  /// Everything that libjpeg may jump out of; only plain data lives here.
  bool decode_rows(std::span<const uint8_t> file, int height, int width, uint8_t* out) {
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
    while (codec_.output_scanline < codec_.output_height) {
      uint8_t* pixels = out + static_cast<size_t>(codec_.output_scanline) * width * 3;
      JSAMPROW target = cmyk ? row_.data() : pixels;
      jpeg_read_scanlines(&codec_, &target, 1);
      if (cmyk) cmyk_to_rgb(row_.data(), width, codec_.saw_Adobe_marker, pixels);
    }
    jpeg_finish_decompress(&codec_);
    return true;
  }

  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  JpegErrors errors_{};
  std::vector<uint8_t> row_;
};

}  // namespace

void decode_jpeg(std::span<const uint8_t> file, int height, int width, uint8_t* out) {
  thread_local JpegDecoder decoder;
  decoder.decode(file, height, width, out);
}

}  // namespace nearfar
