// Decoding of image files: header, limits, codec, orientation.
#include "framework/data/decode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "framework/data/image_header.h"
#include "framework/data/images_library.h"
#include "framework/data/jpeg.h"
#include "framework/data/orientation.h"

namespace nearfar {
namespace {

constexpr int64_t kLargestFile = int64_t{1} << 30;

NearfarAlpha alpha_meaning(ImageKind kind) {
  if (kind == ImageKind::bmp) return NEARFAR_ALPHA_IGNORED;
  return kind == ImageKind::tiff ? NEARFAR_ALPHA_PREMULTIPLIED : NEARFAR_ALPHA_STRAIGHT;
}

void decode_whole(std::span<uint8_t> file, const ImageHeader& header, uint8_t* out) {
  if (const TiffValue& value = header.tiff_orientation; value.bytes != 0) {
    // OpenCV turns some TIFF orientations and not others: it is told that there is nothing to turn.
    std::fill_n(file.begin() + static_cast<int64_t>(value.at), value.bytes, uint8_t{0});
    file[value.at + (tiff_is_big_endian(file) ? value.bytes - 1 : 0)] = 1;
  }
  char message[256] = "";
  if (images_library().decode(file.data(), file.size(), alpha_meaning(header.kind), out,
                              header.height, header.width, message, sizeof(message)) != 0) {
    throw BadImage(std::string("damaged ") + kind_name(header.kind) + ": " + message);
  }
}

/// `window` of the image as it is stored, into out [window.height, window.width, 3].
void decode_stored(std::span<uint8_t> file, const ImageHeader& header, const Box& window,
                   uint8_t* out) {
  if (header.kind == ImageKind::jpeg) {
    decode_jpeg(file, header.height, header.width, window, out);
  } else {
    decode_whole(file, header, out);
  }
}

void check_size(const ImageHeader& header, int64_t max_pixels) {
  if (int64_t{header.width} * header.height <= max_pixels) return;
  throw BadImage("the header says " + std::to_string(header.width) + "x" +
                 std::to_string(header.height) +
                 " pixels, above data.max_pixels = " + std::to_string(max_pixels));
}

/// The chosen window of an upright image.
Box choose_window(const WindowChoice& choose, int height, int width) {
  const Box window = choose(height, width);
  const auto fits = [](int begin, int length, int size) {
    return begin >= 0 && length > 0 && length <= size && begin <= size - length;
  };
  if (fits(window.top, window.height, height) && fits(window.left, window.width, width)) {
    return window;
  }
  throw std::invalid_argument("decode_image: expected a window inside " + std::to_string(height) +
                              " x " + std::to_string(width) + ", got " +
                              std::to_string(window.height) + " x " + std::to_string(window.width) +
                              " at (" + std::to_string(window.top) + ", " +
                              std::to_string(window.left) + ")");
}

/// Closes a file descriptor.
struct OpenFile {
  int descriptor;
  ~OpenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

}  // namespace

std::span<uint8_t> read_image_file(const std::string& path, PixelBuffer& storage) {
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (file.descriptor < 0 || ::fstat(file.descriptor, &status) != 0) {
    throw BadImage(std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) throw BadImage("not a file");
  if (status.st_size > kLargestFile) {
    throw BadImage("a file of " + std::to_string(status.st_size) + " bytes, above the limit of " +
                   std::to_string(kLargestFile));
  }
  const auto size = static_cast<size_t>(status.st_size);
  const std::span<uint8_t> bytes(storage.make_room(size), size);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file.descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw BadImage(std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) throw BadImage("became shorter while it was read");
    done += static_cast<size_t>(count);
  }
  return bytes;
}

Image decode_image(std::span<uint8_t> file, int64_t max_pixels, PixelBuffer& storage,
                   const WindowChoice& choose) {
  const ImageHeader header = parse_image_header(file);
  check_size(header, max_pixels);
  const bool swapped = swaps_sides(header.orientation);
  const int height = swapped ? header.width : header.height;
  const int width = swapped ? header.height : header.width;
  Box window{0, 0, height, width};
  if (choose && header.kind == ImageKind::jpeg) window = choose_window(choose, height, width);
  const size_t bytes = static_cast<size_t>(window.height) * window.width * 3;
  uint8_t* const pixels = storage.make_room(bytes);
  if (header.orientation == 1) {
    decode_stored(file, header, window, pixels);
  } else {
    const Box stored = stored_window(window, header.height, header.width, header.orientation);
    thread_local PixelBuffer turned;
    decode_stored(file, header, stored, turned.make_room(bytes));
    turn_upright(turned.bytes.data(), stored.height, stored.width, header.orientation, pixels);
  }
  return {pixels, window.height, window.width, 3, window.top, window.left, height, width};
}

}  // namespace nearfar
