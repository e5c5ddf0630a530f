// Devices: detection without side effects, and the opening of libnearfar_cuda.so.
#include "framework/train/device.h"

#include <dlfcn.h>
#include <sched.h>

#include <array>
#include <filesystem>

#include "framework/error.h"
#include "framework/files/library_folder.h"

namespace nearfar {
namespace {

std::string cuda_library() { return library_folder() + "/libnearfar_cuda.so"; }

}  // namespace

bool has_nvidia_driver() { return std::filesystem::exists("/proc/driver/nvidia/version"); }

std::string resolve_device(const std::string& wanted) {
  if (wanted != "auto") return wanted;
  return has_nvidia_driver() && std::filesystem::exists(cuda_library()) ? "cuda" : "cpu";
}

void open_cuda() {
  const std::string path = cuda_library();
  if (!std::filesystem::exists(path)) {
    throw EnvironmentError("device=cuda: this nearfar was built without nvcc (no " + path +
                           "); use device=cpu or build where nvcc is installed");
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw EnvironmentError(std::string("device=cuda: ") + dlerror() + "; use device=cpu");
  }
  auto self_test = reinterpret_cast<int (*)(char*, int)>(dlsym(library, "nearfar_cuda_self_test"));
  if (self_test == nullptr) {
    throw EnvironmentError("device=cuda: " + path + " has no self-test; rebuild nearfar");
  }
  std::array<char, 256> message{};
  if (self_test(message.data(), static_cast<int>(message.size())) != 0) {
    throw EnvironmentError(std::string("device=cuda: ") + message.data() + "; use device=cpu");
  }
}

int available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return CPU_COUNT(&cores);
}

}  // namespace nearfar
