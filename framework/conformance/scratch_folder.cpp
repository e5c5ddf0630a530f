// Temporary folders.
#include "framework/conformance/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "framework/error.h"

namespace nearfar {

ScratchFolder::ScratchFolder()
    : path_((std::filesystem::temp_directory_path() / "nearfar-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw EnvironmentError(path_ + ": no temporary folder: " + std::strerror(errno));
  }
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace nearfar
