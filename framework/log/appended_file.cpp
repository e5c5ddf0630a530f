// Appending to files.
#include "framework/log/appended_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/error.h"

namespace nearfar {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw EnvironmentError(path + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

AppendedFile::AppendedFile(const std::string& path)
    : path_(path),
      descriptor_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) fail(path, "cannot open");
}

AppendedFile::~AppendedFile() { close(descriptor_); }

void AppendedFile::append(std::string_view piece) {
  const off_t before = lseek(descriptor_, 0, SEEK_END);
  while (!piece.empty()) {
    const ssize_t written = write(descriptor_, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      // A full disk may have taken a part of the piece; should this fail too, the next run cuts it.
      if (ftruncate(descriptor_, before) == 0) errno = reason;
      fail(path_, "cannot write");
    }
    piece.remove_prefix(static_cast<size_t>(written));
  }
}

void cut_file(const std::string& path, size_t size) {
  if (truncate(path.c_str(), static_cast<off_t>(size)) != 0) fail(path, "cannot cut back");
}

}  // namespace nearfar
