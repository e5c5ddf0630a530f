// One lock and one table for the process: a terminal is shared by all who write to it.
#include "framework/log/status_line.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>

namespace nearfar {
namespace {

// Carriage return, then erase to the end of the line (ECMA-48).
constexpr std::string_view kEraseLine = "\r\x1b[K";

struct StatusLines {
  std::mutex mutex;
  std::map<int, std::string> shown;
};

StatusLines& status_lines() {
  // Never destroyed: threads may still log while the program's statics go.
  static StatusLines& lines = *new StatusLines;
  return lines;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

void show_status_line(int descriptor, const std::string& text) {
  StatusLines& lines = status_lines();
  const std::lock_guard lock(lines.mutex);
  lines.shown[descriptor] = text;
  write_all(descriptor, std::string(kEraseLine) + text);
}

void clear_status_line(int descriptor) {
  StatusLines& lines = status_lines();
  const std::lock_guard lock(lines.mutex);
  if (lines.shown.erase(descriptor) > 0) write_all(descriptor, kEraseLine);
}

void write_lines(int descriptor, std::string_view text) {
  StatusLines& lines = status_lines();
  const std::lock_guard lock(lines.mutex);
  const auto status = lines.shown.find(descriptor);
  if (status == lines.shown.end()) {
    write_all(descriptor, text);
    return;
  }
  // One write, so that no other process's output comes between.
  write_all(descriptor, std::string(kEraseLine) + std::string(text) + status->second);
}

}  // namespace nearfar
