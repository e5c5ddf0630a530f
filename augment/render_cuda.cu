// The kernels of a GPU and their launches.
#include "augment/render_cuda.h"

#include <cuda_runtime.h>

#include "augment/device_finish.h"
#include "augment/device_resample.h"

namespace nearfar {
namespace {

template <int kChannels>
__global__ void __launch_bounds__(kResampleThreads, 4) resample_kernel(DeviceBatch batch) {
  __shared__ ResampleShared shared;
  resample_tile<kChannels>(batch, static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.x),
                           shared);
}

template <int kChannels, typename Value>
__global__ void __launch_bounds__(kFinishThreads, 4) finish_kernel(DeviceBatch batch, Value* out) {
  __shared__ FinishShared shared;
  extern __shared__ float room[];
  const int slot = static_cast<int>(blockIdx.y);
  finish_strip<kChannels>(batch, slot, static_cast<int>(blockIdx.x), shared, room,
                          out + slot * value_count(batch.plan));
}

template <int kChannels, typename Value>
cudaError_t launch(const DevicePlan& plan, const DeviceView* views, int count, void* workspace,
                   Value* out, cudaStream_t stream) {
  const size_t room = strip_bytes(plan);
  if (room > kStripBytes) {  // only wide blurs need more than every kernel may have
    const cudaError_t error =
        cudaFuncSetAttribute(finish_kernel<kChannels, Value>,
                             cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(room));
    if (error != cudaSuccess) return error;
  }
  for (int first = 0; first < count; first += plan.views_at_once) {
    const DeviceBatch batch = device_batch(plan, views + first, workspace);
    const int left = count - first;
    const auto turn = static_cast<unsigned>(left < plan.views_at_once ? left : plan.views_at_once);
    const dim3 tiles(tile_count(plan), turn);
    resample_kernel<kChannels><<<tiles, kResampleThreads, 0, stream>>>(batch);
    const dim3 pieces(piece_count(plan), turn);
    finish_kernel<kChannels>
        <<<pieces, kFinishThreads, room, stream>>>(batch, out + first * value_count(plan));
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

template <typename Value>
const char* launch_render(const DevicePlan& plan, const DeviceView* views, int count,
                          void* workspace, Value* out, void* stream) {
  const auto run = plan.channels == 1 ? launch<1, Value> : launch<3, Value>;
  const cudaError_t error =
      run(plan, views, count, workspace, out, static_cast<cudaStream_t>(stream));
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

}  // namespace
}  // namespace nearfar

const char* nearfar_cuda_render_float(const nearfar::DevicePlan* plan,
                                      const nearfar::DeviceView* views, int count, void* workspace,
                                      float* out, void* stream) {
  return nearfar::launch_render(*plan, views, count, workspace, out, stream);
}

const char* nearfar_cuda_render_bfloat16(const nearfar::DevicePlan* plan,
                                         const nearfar::DeviceView* views, int count,
                                         void* workspace, nearfar::Bfloat16* out, void* stream) {
  return nearfar::launch_render(*plan, views, count, workspace, out, stream);
}
