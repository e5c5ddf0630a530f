// Streaming through zlib, which passes plain files on as they are.
#include "framework/data/byte_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "framework/error.h"

namespace nearfar {

ByteStream::ByteStream(const std::string& path) : path_(path) {
  std::error_code failure;
  const uint64_t size = std::filesystem::file_size(path, failure);
  if (failure) throw DataError(path + ": cannot be opened: " + failure.message());
  file_ = gzopen(path.c_str(), "rbe");
  if (!file_) throw DataError(path + ": cannot be opened: " + std::strerror(errno));
  gzbuffer(file_, 1u << 17);
  most_bytes_ = gzdirect(file_) ? size : size * 1032;
}

ByteStream::~ByteStream() { gzclose_r(file_); }

size_t ByteStream::read(void* bytes, size_t count) {
  auto* target = static_cast<uint8_t*>(bytes);
  size_t done = 0;
  while (done < count) {
    const auto step = static_cast<unsigned>(std::min<size_t>(count - done, 1u << 30));
    const int got = gzread(file_, target + done, step);
    int code = Z_OK;
    const char* reason = gzerror(file_, &code);
    // A gzip stream that stops early is "fewer bytes": the caller knows how many it expected.
    if (got < 0 && code != Z_BUF_ERROR) throw DataError(path_ + ": damaged file: " + reason);
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

bool ByteStream::at_end() {
  uint8_t extra = 0;
  return read(&extra, 1) == 0;
}

}  // namespace nearfar
