// Finding and opening the library of image codecs.
#include "framework/data/images_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "framework/error.h"

namespace nearfar {
namespace {

std::filesystem::path own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&images_library), &info) == 0 || !info.dli_fname) {
    throw EnvironmentError("cannot tell which file holds nearfar's own code (dladdr failed)");
  }
  return std::filesystem::absolute(info.dli_fname).lexically_normal().parent_path();
}

std::filesystem::path find_library() {
  const std::filesystem::path folder = own_folder();
  for (const auto& place : {folder, folder.parent_path(), folder.parent_path() / "lib"}) {
    if (std::filesystem::exists(place / kImagesLibrary)) return place / kImagesLibrary;
  }
  throw EnvironmentError(
      (folder / kImagesLibrary).string() +
      ": not found, nor in the folder above or its lib; it decodes PNG, WebP, BMP and TIFF images");
}

DecodeImage open_library() {
  const std::string path = find_library().string();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw EnvironmentError(path + ": cannot be opened: " + dlerror());
  void* symbol = dlsym(library, kDecodeImage);
  if (!symbol) throw EnvironmentError(path + ": has no function " + kDecodeImage);
  return reinterpret_cast<DecodeImage>(symbol);
}

}  // namespace

DecodeImage images_library() {
  static const DecodeImage decode = open_library();
  return decode;
}

}  // namespace nearfar
