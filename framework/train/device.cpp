// Devices: detection without side effects, and the opening of libnearfar_cuda.so.
#include "framework/train/device.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <sched.h>

#include <array>
#include <filesystem>

#include "framework/error.h"
#include "framework/files/library_folder.h"
#include "framework/optimize/update_cuda.h"

namespace nearfar {
namespace {

std::string cuda_library() { return library_folder() + "/libnearfar_cuda.so"; }

template <typename Function>
Function find_function(void* library, const char* name) {
  auto function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    throw EnvironmentError("device=cuda: " + cuda_library() + " has no " + name +
                           "; rebuild nearfar");
  }
  return function;
}

/// The library again, once it is open.
void* opened_library() { return dlopen(cuda_library().c_str(), RTLD_NOW | RTLD_LOCAL); }

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
  const auto self_test = find_function<int (*)(char*, int)>(library, "nearfar_cuda_self_test");
  std::array<char, 256> message{};
  if (self_test(message.data(), static_cast<int>(message.size())) != 0) {
    throw EnvironmentError(std::string("device=cuda: ") + message.data() + "; use device=cpu");
  }
}

at::Device open_device(const std::string& name, int local_rank) {
  if (name == "cpu") return at::kCPU;
  open_cuda();
  const c10::impl::VirtualGuardImpl gpus(at::kCUDA);
  const int count = gpus.deviceCount();
  // One visible GPU is this process's own (CUDA_VISIBLE_DEVICES set by who started it).
  const int index = count == 1 ? 0 : local_rank;
  if (index >= count) {
    throw EnvironmentError("device=cuda: expected a GPU for each rank of this host, found " +
                           std::to_string(count) + " for local rank " + std::to_string(local_rank));
  }
  const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
  gpus.setDevice(device);
  return device;
}

MakeBackend cuda_backend() {
  return find_function<MakeBackend>(opened_library(), "nearfar_cuda_make_backend");
}

decltype(&nearfar_cuda_render_float) cuda_renderer() {
  return find_function<decltype(&nearfar_cuda_render_float)>(opened_library(),
                                                             "nearfar_cuda_render_float");
}

DeviceUpdate cuda_update() {
  void* library = opened_library();
  return {
      find_function<decltype(&nearfar_cuda_update_float)>(library, "nearfar_cuda_update_float"),
      find_function<decltype(&nearfar_cuda_update_double)>(library, "nearfar_cuda_update_double")};
}

int available_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return 1;
  return CPU_COUNT(&cores);
}

}  // namespace nearfar
