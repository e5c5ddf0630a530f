// Asks the GPU whether it computes the shared pixel functions as the host does.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>

#include "augment/blur.h"
#include "augment/pixel.h"
#include "augment/resample.h"

namespace nearfar {
namespace {

constexpr int kColors = 6 * 6 * 6;
constexpr int kValuesPerColor = 8;
constexpr int kValues = kColors * kValuesPerColor;
constexpr double kTolerance = 1e-6;

enum Outcome { equal = 0, no_device = 1, cuda_failed = 2, different = 3 };

/// Everything that the self-test computes for color `index`: one value of every operation. Colours
/// stay within [0.25, 0.75]: the device fuses multiplications and additions, and the hue of fully
/// saturated colours may differ by a little more than the tolerance for that.
NEARFAR_HOST_DEVICE void compute_values(int index, float* values) {
  const auto level = [](int step) { return 0.25f + static_cast<float>(step % 6) / 10.0f; };
  const Color color{level(index), level(index / 6), level(index / 36)};
  const Color shifted = adjust_hue(color, 0.37f);
  values[0] = shifted.red;
  values[1] = shifted.green;
  values[2] = shifted.blue;
  values[3] = adjust_saturation(color, make_blend(2.6)).red;
  values[4] = adjust_brightness(color.green, 1.5f);
  values[5] = normalize(solarize(color.blue, 0.5f), 0.25f, 0.5f);
  float weights[16];
  const TapRange taps = resample_taps(Interpolation::bicubic, 216, 100, index % 100, weights);
  values[6] = static_cast<float>(taps.first) / 216.0f + weights[taps.count / 2];
  gaussian_weights(9, 0.1 + 0.01 * index, weights);
  values[7] = weights[reflect(-3, 9)];
}

__global__ void compute_all(float* values) {
  const int index = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (index < kColors) compute_values(index, values + index * kValuesPerColor);
}

/// Runs the kernel and copies its values back.
cudaError_t compute_on_device(float* values) {
  float* device_values = nullptr;
  cudaError_t error = cudaMalloc(&device_values, kValues * sizeof(float));
  if (error != cudaSuccess) return error;
  compute_all<<<(kColors + 63) / 64, 64>>>(device_values);
  error = cudaGetLastError();
  if (error == cudaSuccess) {
    error = cudaMemcpy(values, device_values, kValues * sizeof(float), cudaMemcpyDeviceToHost);
  }
  const cudaError_t freed = cudaFree(device_values);
  return error == cudaSuccess ? freed : error;
}

}  // namespace
}  // namespace nearfar

/// Compares pixel functions on the current CUDA device with the host's results. Returns 0 when all
/// agree within 1e-6; otherwise 1 (no device), 2 (CUDA failed) or 3 (different numbers) with one
/// line in `message`, which holds `size` characters.
extern "C" int nearfar_cuda_self_test(char* message, int size) {
  using namespace nearfar;
  if (size > 0) message[0] = '\0';
  int devices = 0;
  cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices == 0) error = cudaErrorNoDevice;
  if (error != cudaSuccess) {
    std::snprintf(message, size, "no CUDA device: %s", cudaGetErrorString(error));
    return no_device;
  }
  static float on_device[kValues];
  error = compute_on_device(on_device);
  if (error != cudaSuccess) {
    std::snprintf(message, size, "CUDA self-test: %s", cudaGetErrorString(error));
    return cuda_failed;
  }
  for (int i = 0; i < kColors; ++i) {
    float on_host[kValuesPerColor];
    compute_values(i, on_host);
    for (int j = 0; j < kValuesPerColor; ++j) {
      const float device_value = on_device[i * kValuesPerColor + j];
      if (!(std::fabs(on_host[j] - device_value) <= kTolerance)) {
        std::snprintf(message, size,
                      "CUDA self-test: value %d of color %d: expected %.9g, got %.9g", j, i,
                      on_host[j], device_value);
        return different;
      }
    }
  }
  return equal;
}
