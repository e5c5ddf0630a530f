// Finding and opening the library of image codecs.
#include "framework/data/images_library.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "framework/error.h"
#include "framework/files/library_folder.h"

namespace nearfar {
namespace {

std::filesystem::path find_library() {
  const std::filesystem::path folder = library_folder();
  for (const auto& place : {folder, folder.parent_path(), folder.parent_path() / "lib"}) {
    if (std::filesystem::exists(place / kImagesLibrary)) return place / kImagesLibrary;
  }
  throw EnvironmentError(
      (folder / kImagesLibrary).string() +
      ": not found, nor in the folder above or its lib; it decodes PNG, WebP, BMP and TIFF images");
}

template <typename Function>
Function find_function(void* library, const std::string& path, const char* name) {
  void* symbol = dlsym(library, name);
  if (!symbol) throw EnvironmentError(path + ": has no function " + name);
  return reinterpret_cast<Function>(symbol);
}

ImageCodecs open_library() {
  const std::string path = find_library().string();
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw EnvironmentError(path + ": cannot be opened: " + dlerror());
  return {find_function<decltype(ImageCodecs::decode)>(library, path, kDecodeImage),
          find_function<decltype(ImageCodecs::encode_png)>(library, path, kEncodePng),
          find_function<decltype(ImageCodecs::encode_jpeg)>(library, path, kEncodeJpeg)};
}

}  // namespace

const ImageCodecs& images_library() {
  static const ImageCodecs codecs = open_library();
  return codecs;
}

}  // namespace nearfar
