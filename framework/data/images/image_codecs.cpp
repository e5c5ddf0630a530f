// Decoding of PNG, WebP, BMP and TIFF, and encoding of PNG and JPEG, through OpenCV: the only file
// that includes it.
#include "framework/data/images/image_codecs.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// OpenCV would print each error on stderr; ours travel as messages.
bool silence_opencv() {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
  return true;
}

int to_8_bits(uint8_t value) { return value; }
int to_8_bits(uint16_t value) { return (value * 255 + 32767) / 65535; }

int over_white(int color, int alpha, NearfarAlpha meaning) {
  if (meaning == NEARFAR_ALPHA_PREMULTIPLIED) return std::min(255, color + 255 - alpha);
  return (color * alpha + 255 * (255 - alpha) + 127) / 255;
}

template <typename Sample>
void convert_row(const Sample* row, int width, int channels, NearfarAlpha meaning, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, row += channels, rgb += 3) {
    const int alpha = channels == 4 && meaning != NEARFAR_ALPHA_IGNORED ? to_8_bits(row[3]) : 255;
    for (int c = 0; c < 3; ++c) {
      const int color = to_8_bits(row[channels == 1 ? 0 : 2 - c]);  // OpenCV's order is BGR
      rgb[c] = static_cast<uint8_t>(over_white(color, alpha, meaning));
    }
  }
}

void decode(const uint8_t* bytes, size_t size, NearfarAlpha alpha, uint8_t* out, int height,
            int width) {
  // imdecode takes a matrix but does not write into it.
  const cv::Mat file(1, static_cast<int>(size), CV_8UC1, const_cast<uint8_t*>(bytes));
  const cv::Mat image = cv::imdecode(file, cv::IMREAD_UNCHANGED | cv::IMREAD_IGNORE_ORIENTATION);
  if (image.empty()) throw std::runtime_error("damaged or truncated data");
  if (image.rows != height || image.cols != width) {
    throw std::runtime_error("decoded size " + std::to_string(image.cols) + "x" +
                             std::to_string(image.rows) + ", header " + std::to_string(width) +
                             "x" + std::to_string(height));
  }
  const int channels = image.channels();
  const bool wide = image.depth() == CV_16U;
  if ((!wide && image.depth() != CV_8U) || channels == 2 || channels > 4) {
    throw std::runtime_error("expected 8-bit or 16-bit gray, RGB or RGBA samples");
  }
  if (wide && alpha == NEARFAR_ALPHA_PREMULTIPLIED) alpha = NEARFAR_ALPHA_STRAIGHT;
  for (int y = 0; y < height; ++y) {
    uint8_t* rgb = out + static_cast<size_t>(y) * width * 3;
    if (wide) {
      convert_row(image.ptr<uint16_t>(y), width, channels, alpha, rgb);
    } else {
      convert_row(image.ptr<uint8_t>(y), width, channels, alpha, rgb);
    }
  }
}

void encode(const uint8_t* rgb, int height, int width, const char* ending,
            const std::vector<int>& flags,
            void (*receive)(void* context, const uint8_t* bytes, size_t size), void* context) {
  const cv::Mat image(height, width, CV_8UC3, const_cast<uint8_t*>(rgb));
  cv::Mat bgr;
  cv::cvtColor(image, bgr, cv::COLOR_RGB2BGR);
  std::vector<uint8_t> file;
  if (!cv::imencode(ending, bgr, file, flags)) throw std::runtime_error("cannot be encoded");
  receive(context, file.data(), file.size());
}

/// Runs `work`; a failure becomes a message of one line and the result 1.
template <typename Work>
int guarded(const Work& work, char* message, size_t message_size) {
  try {
    static const bool silent = silence_opencv();
    static_cast<void>(silent);
    work();
    return 0;
  } catch (const std::exception& error) {
    std::snprintf(message, message_size, "%s", error.what());
    // OpenCV's messages end in a line break.
    std::replace(message, message + std::strlen(message), '\n', ' ');
  } catch (...) {
    std::snprintf(message, message_size, "unknown failure");
  }
  return 1;
}

}  // namespace

int nearfar_decode_image(const uint8_t* bytes, size_t size, NearfarAlpha alpha, uint8_t* out,
                         int height, int width, char* message, size_t message_size) {
  return guarded([&] { decode(bytes, size, alpha, out, height, width); }, message, message_size);
}

int nearfar_encode_png(const uint8_t* rgb, int height, int width,
                       void (*receive)(void* context, const uint8_t* bytes, size_t size),
                       void* context, char* message, size_t message_size) {
  return guarded([&] { encode(rgb, height, width, ".png", {}, receive, context); }, message,
                 message_size);
}

int nearfar_encode_jpeg(const uint8_t* rgb, int height, int width, int quality,
                        void (*receive)(void* context, const uint8_t* bytes, size_t size),
                        void* context, char* message, size_t message_size) {
  const std::vector<int> flags = {cv::IMWRITE_JPEG_QUALITY, quality};
  return guarded([&] { encode(rgb, height, width, ".jpg", flags, receive, context); }, message,
                 message_size);
}
