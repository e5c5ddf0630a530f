// A folder for files that are read back at once; it vanishes with the object.
#pragma once

#include <string>

namespace nearfar {

class ScratchFolder {
 public:
  /// Throws EnvironmentError where none can be made in the system's folder for temporary files.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace nearfar
