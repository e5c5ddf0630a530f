// NCCL, through the process group of LibTorch's CUDA half; in libnearfar_cuda.so alone.
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <cstdlib>

#include "distributed/backend.h"

namespace nearfar {
namespace {

/// LibTorch's own watchdog would end the process from a thread of its own; here the group finds out
/// who is to blame, aborts, and throws. Torchrun sets the first of these otherwise.
void leave_errors_to_the_group() {
  for (const char* name : {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "TORCH_NCCL_ENABLE_MONITORING",
                           "TORCH_NCCL_DUMP_ON_TIMEOUT", "TORCH_NCCL_PROPAGATE_ERROR"}) {
    setenv(name, "0", 1);
  }
}

}  // namespace
}  // namespace nearfar

c10d::Backend* nearfar_cuda_make_backend(const nearfar::BackendRequest& request) {
  nearfar::leave_errors_to_the_group();
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = request.deadline;
  auto store = c10::intrusive_ptr<c10d::Store>::reclaim_copy(request.store);
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, request.rank, request.ranks,
                                                             std::move(options));
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(request.device_index));
  // Communicators would else be made by the first collective: what is wrong shall show here.
  backend->setBoundDeviceId(device);
  backend->eagerConnectSingleDevice(device);
  return backend.release();
}
