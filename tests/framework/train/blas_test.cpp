// LibTorch multiplies with its own BLAS, also after OpenCV's library, which brings another, was
// opened.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "framework/data/canvas.h"
#include "framework/data/decode.h"

namespace nearfar {
namespace {

/// The file that the program's sgemm_ comes from.
std::string blas_library() {
  Dl_info info{};
  void* symbol = dlsym(RTLD_DEFAULT, "sgemm_");
  if (symbol == nullptr || dladdr(symbol, &info) == 0) return "";
  return info.dli_fname;
}

bool is_loaded(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
  if (handle != nullptr) dlclose(handle);
  return handle != nullptr;
}

TEST(Blas, IsLibTorchsOwnAfterAPngWasDecoded) {
  EXPECT_NE(blas_library().find("libtorch_cpu.so"), std::string::npos) << blas_library();
  const Canvas canvas{2, 3, std::vector<uint8_t>(18, 77)};
  std::vector<uint8_t> png = encode_png(canvas);
  PixelBuffer storage;
  const Image image = decode_image(png, 100, storage);
  EXPECT_EQ(image.pixels[17], 77);
  EXPECT_TRUE(is_loaded("libopencv_core.so.406")) << "expected OpenCV in this process";
  EXPECT_NE(blas_library().find("libtorch_cpu.so"), std::string::npos) << blas_library();
}

}  // namespace
}  // namespace nearfar
