// Files through POSIX calls: every short write, failed fsync and failed close is seen.
#include "framework/files/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

#include "framework/error.h"

namespace nearfar {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void throw_environment(const std::string& path, int error) {
  throw EnvironmentError(path + ": " + reason(error));
}

/// An open file that is closed when the scope ends.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags, mode_t mode = 0) {
    do {
      number_ = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (number_ < 0 && errno == EINTR);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// False with errno set when closing reports a lost write. Linux closes even when interrupted.
  bool close() {
    if (number_ < 0) return true;
    const int closing = number_;
    number_ = -1;
    return ::close(closing) == 0 || errno == EINTR;
  }

 private:
  int number_ = -1;
};

void write_all(const Descriptor& file, const std::string& path, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(file.number(), bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_environment(path, errno);
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

class PosixFileSystem final : public FileSystem {
 public:
  void make_directories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) throw_environment(path, error.value());
  }

  void write_durably(const std::string& path, const void* bytes, size_t size) override {
    Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!file.is_open()) throw_environment(path, errno);
    write_all(file, path, static_cast<const char*>(bytes), size);
    // Not retried: after a failed fsync the kernel may have dropped the pages and report success.
    if (::fsync(file.number()) != 0) throw_environment(path, errno);
    if (!file.close()) throw_environment(path, errno);
  }

  void sync_directory(const std::string& path) override {
    const Descriptor directory(path, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open() || ::fsync(directory.number()) != 0) throw_environment(path, errno);
  }

  void rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      throw EnvironmentError(from + ": cannot be renamed to " + to + ": " + reason(errno));
    }
  }

  void remove_all(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) throw_environment(path, error.value());
  }
};

[[noreturn]] void throw_too_large(const std::string& path, uint64_t limit) {
  throw DataError(path + ": larger than the limit of " + std::to_string(limit) + " bytes");
}

/// Bytes of any container of single-byte elements, so that text is not copied once more.
template <typename Bytes>
Bytes read_bytes(const std::string& path, uint64_t limit) {
  constexpr size_t kChunk = size_t{1} << 16;
  const Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (!file.is_open() || ::fstat(file.number(), &status) != 0) {
    throw DataError(path + ": " + reason(errno));
  }
  const auto expected = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  if (S_ISREG(status.st_mode) && expected > limit) throw_too_large(path, limit);
  // One byte more than expected: the end is seen without growing. A pipe or /proc file grows.
  Bytes bytes(S_ISREG(status.st_mode) ? expected + 1 : kChunk, 0);
  size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) bytes.resize(bytes.size() + std::max(kChunk, bytes.size() / 2));
    const ssize_t got = ::read(file.number(), &bytes[filled], bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(path + ": " + reason(errno));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
    if (filled > limit) throw_too_large(path, limit);
  }
  bytes.resize(filled);
  return bytes;
}

}  // namespace

FileSystem& real_file_system() {
  static PosixFileSystem files;
  return files;
}

std::vector<uint8_t> read_file(const std::string& path, uint64_t limit) {
  return read_bytes<std::vector<uint8_t>>(path, limit);
}

std::string read_text(const std::string& path, uint64_t limit) {
  return read_bytes<std::string>(path, limit);
}

std::string parent_directory(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

void replace_file(FileSystem& files, const std::string& path, const void* bytes, size_t size) {
  const std::string beside = path + ".tmp";
  try {
    files.write_durably(beside, bytes, size);
    files.rename(beside, path);
  } catch (const EnvironmentError&) {
    try {
      files.remove_all(beside);  // a full disk gets its space back
    } catch (const EnvironmentError&) {
    }
    throw;
  }
  files.sync_directory(parent_directory(path));
}

}  // namespace nearfar
