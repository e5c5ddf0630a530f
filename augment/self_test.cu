// Asks the GPU whether it renders views as the same source does on the host.
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "augment/cuda_memory.cuh"
#include "augment/device_emulation.h"
#include "augment/render_cuda.h"

namespace nearfar {
namespace {

constexpr int kHeight = 50;
constexpr int kWidth = 60;
constexpr int kViews = 3;

/// The device fuses multiplications and additions, and jitter makes more of the difference.
constexpr float kTolerance = 1e-5f;

enum Outcome { equal = 0, no_device = 1, cuda_failed = 2, different = 3 };

std::vector<uint8_t> test_levels() {
  std::vector<uint8_t> levels(kHeight * kWidth * 3);
  for (size_t i = 0; i < levels.size(); ++i)
    levels[i] = static_cast<uint8_t>(64 + i * i % 127);  // bicubic overshoot stays in [0, 1]
  return levels;
}

/// Views with every operation among them; those of `round` 1 differ from those of round 0.
std::vector<DeviceView> test_views(const uint8_t* pixels, int round) {
  const Image image = whole_image(pixels, kHeight, kWidth, 3);
  std::vector<DeviceView> views;
  for (int i = 0; i < kViews; ++i) {
    View view;
    view.crop = {i, 2 * round, kHeight - 7 * i, kWidth - 9 * i - 5};
    view.flip = i == round;
    view.jitter_count = i == 2 ? 0 : 4;
    view.jitter = {{{Jitter::brightness, 1.2},
                    {Jitter::hue, round == 0 ? -0.3 : 0.2},
                    {Jitter::saturation, 1.3},
                    {Jitter::contrast, 0.6}}};
    if (i == 1) std::swap(view.jitter[round], view.jitter[3]);
    view.grayscale = i == 2;
    view.blur_kernel = i == 0 ? 0 : 9;
    view.blur_sigma = 0.5 + i;
    view.solarize = i == 1;
    view.solarize_threshold = 0.0;  // everywhere: rounding may not decide which side a value is on
    views.push_back(device_view(image, view));
  }
  return views;
}

void expect_equal(const std::vector<float>& expected, const std::vector<float>& found) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::fabs(expected[i] - found[i]) <= kTolerance) continue;
    throw std::domain_error("value " + std::to_string(i) + ": expected " +
                            std::to_string(expected[i]) + ", got " + std::to_string(found[i]));
  }
}

/// Captures the rendering of a batch, and replays it for two rounds of views.
void compare_with_host() {
  const RenderTarget target{{40, 71}, Interpolation::bicubic, {{0.5f, 0.4f, 0.3f}, {0.5f, 1, 1}}};
  const DevicePlan plan = make_device_plan(target, 3, 4, 2);
  const std::vector<uint8_t> levels = test_levels();
  std::vector<float> expected(kViews * value_count(plan)), found(expected.size());
  DeviceArray<uint8_t> pixels(levels.size());
  DeviceArray<DeviceView> views(kViews);
  DeviceArray<char> workspace(workspace_bytes(plan));
  DeviceArray<float> out(found.size());
  pixels.copy_from(levels);
  CapturedLaunch launch([&](cudaStream_t stream) {
    return nearfar_cuda_render_float(&plan, views.data(), kViews, workspace.data(), out.data(),
                                     stream);
  });
  for (int round = 0; round < 2; ++round) {
    views.copy_from(test_views(pixels.data(), round));
    launch.start();
    launch.wait();
    out.copy_to(found);
    render_like_device<3>(plan, test_views(levels.data(), round).data(), kViews, expected.data());
    expect_equal(expected, found);
  }
}

int report(Outcome outcome, const char* what, const std::string& detail, char* message, int size) {
  std::snprintf(message, static_cast<size_t>(size), "%s: %s", what, detail.c_str());
  return outcome;
}

}  // namespace
}  // namespace nearfar

/// Renders a few views on the current CUDA device, by a captured graph, and compares them with what
/// the same source computes on the host. Returns 0 when all agree within 1e-5; otherwise 1 (no
/// device), 2 (CUDA failed) or 3 (different numbers) with one line in `message`, which holds `size`
/// characters.
extern "C" int nearfar_cuda_self_test(char* message, int size) {
  using namespace nearfar;
  if (size > 0) message[0] = '\0';
  int devices = 0;
  cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices == 0) error = cudaErrorNoDevice;
  if (error != cudaSuccess)
    return report(no_device, "no CUDA device", cudaGetErrorString(error), message, size);
  try {
    compare_with_host();
  } catch (const std::domain_error& found) {
    return report(different, "CUDA self-test", found.what(), message, size);
  } catch (const std::exception& failure) {
    return report(cuda_failed, "CUDA self-test", failure.what(), message, size);
  }
  return equal;
}
