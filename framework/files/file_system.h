// The few operations that saving needs, behind an interface so that tests can make each of them
// fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nearfar {

/// Throws EnvironmentError naming the path and the reason ("No space left on device").
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// With all missing parents; an existing directory is fine.
  virtual void make_directories(const std::string& path) = 0;
  /// Creates or truncates, writes everything, fsyncs, closes. A failed fsync is a failed write.
  virtual void write_durably(const std::string& path, const void* bytes, size_t size) = 0;
  /// Makes the entries of a directory (creations, renames, removals) survive a power loss.
  virtual void sync_directory(const std::string& path) = 0;
  virtual void rename(const std::string& from, const std::string& to) = 0;
  /// A file or a whole directory; nothing there is fine.
  virtual void remove_all(const std::string& path) = 0;
};

/// The real one (POSIX).
FileSystem& real_file_system();

/// Reads a whole file; throws DataError naming the path when it is missing, unreadable or larger
/// than `limit` bytes.
std::vector<uint8_t> read_file(const std::string& path, uint64_t limit = uint64_t{1} << 40);
std::string read_text(const std::string& path, uint64_t limit = uint64_t{1} << 26);

/// The directory that holds `path` ("." for a bare name). A trailing slash counts as a name of its
/// own.
std::string parent_directory(const std::string& path);

/// write_durably to PATH.tmp, then rename over PATH, then sync its directory.
void replace_file(FileSystem& files, const std::string& path, const void* bytes, size_t size);

}  // namespace nearfar
