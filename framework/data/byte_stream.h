// Reads a file from front to back, inflating it where it is gzip.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

namespace nearfar {

class ByteStream {
 public:
  /// Throws DataError naming the path where the file cannot be opened.
  explicit ByteStream(const std::string& path);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  const std::string& path() const { return path_; }
  /// Reads up to `count` bytes and says how many came; fewer only at the end. Throws DataError
  /// naming the path for damaged gzip data (checksum included) and read errors.
  size_t read(void* bytes, size_t count);
  /// Whether everything has been read.
  bool at_end();
  /// An upper bound of what the whole file can hold: its size, or 1032 times that for gzip
  /// (deflate's best ratio). Memory for a header's claims is taken only below it.
  uint64_t most_bytes() const { return most_bytes_; }

 private:
  std::string path_;
  gzFile file_ = nullptr;
  uint64_t most_bytes_ = 0;
};

}  // namespace nearfar
