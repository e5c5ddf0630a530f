// Opens libnearfar_images.so at the first image that needs it.
#pragma once

#include "framework/data/images/image_codecs.h"

namespace nearfar {

/// The library's codecs. Opened once, with RTLD_LOCAL: OpenCV pulls in a reference BLAS that must
/// not take the place of LibTorch's. Looked for in library_folder(), one folder up, and in ../lib.
/// Throws EnvironmentError naming the places where it is missing, or the loader's words where it
/// does not open.
const ImageCodecs& images_library();

}  // namespace nearfar
