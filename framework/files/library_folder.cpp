// Asks the dynamic loader which file holds this code.
#include "framework/files/library_folder.h"

#include <dlfcn.h>

#include <filesystem>

#include "framework/error.h"

namespace nearfar {

std::string library_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&library_folder), &info) == 0 || !info.dli_fname) {
    throw EnvironmentError("cannot tell which file holds nearfar's own code (dladdr failed)");
  }
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(info.dli_fname, error);
  if (error) throw EnvironmentError(std::string(info.dli_fname) + ": " + error.message());
  return file.parent_path().string();
}

}  // namespace nearfar
