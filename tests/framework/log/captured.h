// Descriptors whose output a test can read: a file without a name and a pseudo-terminal.
#pragma once

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace nearfar {

/// A file in memory: no terminal.
class CapturedFile {
 public:
  CapturedFile() : descriptor_(memfd_create("captured", 0)) {
    if (descriptor_ < 0) throw std::runtime_error("memfd_create failed");
  }
  ~CapturedFile() { close(descriptor_); }
  CapturedFile(const CapturedFile&) = delete;
  CapturedFile& operator=(const CapturedFile&) = delete;

  int descriptor() const { return descriptor_; }
  std::string text() const {
    std::string result(lseek(descriptor_, 0, SEEK_END), '\0');
    if (pread(descriptor_, result.data(), result.size(), 0) !=
        static_cast<ssize_t>(result.size())) {
      throw std::runtime_error("captured file: short read");
    }
    return result;
  }

 private:
  int descriptor_;
};

/// A real terminal of the given width; what is written comes out as it went in.
class PseudoTerminal {
 public:
  explicit PseudoTerminal(int columns) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = static_cast<unsigned short>(columns);
    termios raw{};
    cfmakeraw(&raw);
    if (openpty(&reader_, &descriptor_, nullptr, &raw, &size) != 0) {
      throw std::runtime_error("openpty failed");
    }
    fcntl(reader_, F_SETFL, O_NONBLOCK);
  }
  ~PseudoTerminal() {
    close(descriptor_);
    close(reader_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  int descriptor() const { return descriptor_; }

  /// What was written since the last call.
  std::string text() {
    tcdrain(descriptor_);
    std::string result;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(reader_, buffer, sizeof(buffer))) > 0;) result.append(buffer, n);
    return result;
  }

 private:
  int reader_ = -1;
  int descriptor_ = -1;
};

}  // namespace nearfar
