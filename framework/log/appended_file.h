// A file that only grows: each piece is in it as a whole or not at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nearfar {

/// Appends to a file. A piece is in the file when append() returns; one that does not fit on the
/// disk leaves nothing behind. Errors of the file system are EnvironmentErrors that name the path
/// and the reason.
class AppendedFile {
 public:
  /// Opens the file for appending, made when there is none.
  explicit AppendedFile(const std::string& path);
  ~AppendedFile();
  AppendedFile(const AppendedFile&) = delete;
  AppendedFile& operator=(const AppendedFile&) = delete;

  void append(std::string_view piece);

 private:
  std::string path_;
  int descriptor_;
};

/// Cuts a file back to its first `size` bytes. Throws EnvironmentError.
void cut_file(const std::string& path, size_t size);

}  // namespace nearfar
