// Decoding of image files: header, limits, codec, orientation.
#include "framework/data/decode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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

void decode_stored(std::vector<uint8_t>& file, const ImageHeader& header, uint8_t* out) {
  if (header.kind == ImageKind::jpeg) {
    decode_jpeg(file, header.height, header.width, out);
    return;
  }
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

/// Closes a file descriptor.
struct OpenFile {
  int descriptor;
  ~OpenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

}  // namespace

void read_image_file(const std::string& path, std::vector<uint8_t>& bytes) {
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
  bytes.resize(static_cast<size_t>(status.st_size));
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file.descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw BadImage(std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) throw BadImage("became shorter while it was read");
    done += static_cast<size_t>(count);
  }
}

Image decode_image(std::vector<uint8_t>& file, int64_t max_pixels, PixelBuffer& storage) {
  const ImageHeader header = parse_image_header(file);
  const int64_t pixels = int64_t{header.width} * header.height;
  if (pixels > max_pixels) {
    throw BadImage("the header says " + std::to_string(header.width) + "x" +
                   std::to_string(header.height) +
                   " pixels, above data.max_pixels = " + std::to_string(max_pixels));
  }
  const auto bytes = static_cast<size_t>(pixels) * 3;
  if (header.orientation == 1) {
    storage.bytes.resize(bytes);
    decode_stored(file, header, storage.bytes.data());
    return whole_image(storage.bytes.data(), header.height, header.width, 3);
  }
  thread_local std::vector<uint8_t> stored;
  stored.resize(bytes);
  decode_stored(file, header, stored.data());
  storage.bytes.resize(bytes);
  turn_upright(stored.data(), header.height, header.width, header.orientation,
               storage.bytes.data());
  const bool swapped = swaps_sides(header.orientation);
  return whole_image(storage.bytes.data(), swapped ? header.width : header.height,
                     swapped ? header.height : header.width, 3);
}

}  // namespace nearfar
