// The kernels of an update on a GPU and their launches.
#include "framework/optimize/update_cuda.h"

#include <cuda_runtime.h>

#include "framework/optimize/update_device.h"

namespace nearfar {
namespace {

template <typename T>
__global__ void __launch_bounds__(kUpdateThreads) sum_kernel(UpdatePass<T> pass) {
  __shared__ SumsShared shared;
  sum_chunk(pass, blockIdx.x, shared);
}

template <typename T>
__global__ void __launch_bounds__(kUpdateThreads) coefficients_kernel(UpdatePass<T> pass) {
  __shared__ SumsShared shared;
  find_coefficients(pass, blockIdx.x, shared);
}

template <typename T>
__global__ void __launch_bounds__(kUpdateThreads) move_kernel(UpdatePass<T> pass) {
  move_chunk_on_device(pass, blockIdx.x);
}

template <typename T>
const char* launch(const UpdatePass<T>& pass, cudaStream_t stream) {
  if (pass.chunk_count == 0) return nullptr;
  const auto chunks = static_cast<unsigned>(pass.chunk_count);
  const auto parameters = static_cast<unsigned>(pass.parameter_count);
  if (needs_sums(pass.rule)) sum_kernel<<<chunks, kUpdateThreads, 0, stream>>>(pass);
  coefficients_kernel<<<parameters, kUpdateThreads, 0, stream>>>(pass);
  move_kernel<<<chunks, kUpdateThreads, 0, stream>>>(pass);
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace
}  // namespace nearfar

const char* nearfar_cuda_update_float(const nearfar::UpdatePass<float>* pass, void* stream) {
  return nearfar::launch(*pass, static_cast<cudaStream_t>(stream));
}

const char* nearfar_cuda_update_double(const nearfar::UpdatePass<double>* pass, void* stream) {
  return nearfar::launch(*pass, static_cast<cudaStream_t>(stream));
}
