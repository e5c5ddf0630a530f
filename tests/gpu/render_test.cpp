// The GPU's renderer against the CPU's: its numbers, its bits at every run, graphs, and its speed.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <memory>

#include "augment/cuda_memory.cuh"
#include "augment/render_cuda.h"
#include "tests/augment/render_case.h"
#include "tests/paths.h"

namespace nearfar {
namespace {

/// The library as the program opens it.
class GpuRender : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/proc/driver/nvidia/version")) {
      GTEST_SKIP() << "no NVIDIA driver on this machine";
    }
    void* library = dlopen(NEARFAR_BUILD_DIR "/libnearfar_cuda.so", RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    find(library, "nearfar_cuda_render_float", render_float);
    find(library, "nearfar_cuda_render_bfloat16", render_bfloat16);
  }

  decltype(&nearfar_cuda_render_float) render_float = nullptr;
  decltype(&nearfar_cuda_render_bfloat16) render_bfloat16 = nullptr;

 private:
  template <typename Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    ASSERT_NE(function, nullptr) << name;
  }
};

/// A batch in the GPU's memory.
class GpuBatch {
 public:
  GpuBatch(const Pictures& pictures, const RenderCase& batch, int views_at_once)
      : plan(make_device_plan(batch.target, batch.images[0].channels, batch.farthest_reach(),
                              views_at_once)),
        count(static_cast<int>(batch.views.size())),
        views(batch.views.size()),
        workspace(workspace_bytes(plan)),
        pixels_(upload(pictures)) {
    set_views(pictures, batch);
  }

  /// Other views of the same pictures, in the same memory.
  void set_views(const Pictures& pictures, const RenderCase& batch) {
    std::vector<Image> images = batch.images;
    for (Image& image : images) {
      for (size_t i = 0; i < pictures.images.size(); ++i) {
        if (batch.images[&image - images.data()].pixels != pictures.images[i].pixels) continue;
        image.pixels = pixels_[i]->data();
      }
    }
    std::vector<DeviceView> described(batch.views.size());
    describe_views(images, batch.views, plan, described.data());
    views.copy_from(described);
  }

  size_t value_count() const { return count * nearfar::value_count(plan); }

  const DevicePlan plan;
  const int count;
  DeviceArray<DeviceView> views;
  DeviceArray<char> workspace;

 private:
  static std::vector<std::unique_ptr<DeviceArray<uint8_t>>> upload(const Pictures& pictures) {
    std::vector<std::unique_ptr<DeviceArray<uint8_t>>> arrays;
    for (const std::vector<uint8_t>& levels : pictures.levels) {
      arrays.push_back(std::make_unique<DeviceArray<uint8_t>>(levels.size()));
      arrays.back()->copy_from(levels);
    }
    return arrays;
  }

  std::vector<std::unique_ptr<DeviceArray<uint8_t>>> pixels_;
};

template <typename Value, typename Render>
std::vector<Value> render_batch(const GpuBatch& batch, Render render) {
  DeviceArray<Value> out(batch.value_count());
  const char* error = render(&batch.plan, batch.views.data(), batch.count, batch.workspace.data(),
                             out.data(), nullptr);
  EXPECT_EQ(error, nullptr) << error;
  std::vector<Value> values(batch.value_count());
  out.copy_to(values);
  return values;
}

Pictures photographs(int channels) {
  Pictures pictures;
  pictures.add(375, 500, channels, false);
  pictures.add(500, 333, channels, true);
  pictures.add(32, 32, channels, false);
  pictures.add(1, 90, channels, false);
  return pictures;
}

ViewPolicy solarizing_policy() {
  ViewPolicy policy;
  policy.solarize = 0.2;
  return policy;
}

TEST_F(GpuRender, EqualsTheCpuRenderer) {
  for (const int channels : {1, 3}) {
    const Pictures pictures = photographs(channels);
    for (const Size size : {Size{32, 32}, Size{96, 96}, Size{224, 224}, Size{33, 57}}) {
      for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
        const RenderCase batch = draw_case(pictures, solarizing_policy(), size, interpolation, 48);
        const GpuBatch gpu(pictures, batch, 20);
        expect_cpu_renderer(batch, render_batch<float>(gpu, render_float));
      }
    }
  }
}

TEST_F(GpuRender, BlursAsFarAsPlanned) {
  const Pictures pictures = photographs(3);
  for (const int kernel : {63, 255}) {
    RenderCase batch = draw_case(pictures, {}, {200, 150}, Interpolation::bilinear, 4);
    for (View& view : batch.views) {
      view.blur_kernel = kernel;
      view.blur_sigma = kernel;
    }
    const GpuBatch gpu(pictures, batch, 4);
    expect_cpu_renderer(batch, render_batch<float>(gpu, render_float));
  }
}

TEST_F(GpuRender, GivesEqualBitsAtEveryRunAndInEveryTurn) {
  const Pictures pictures = photographs(3);
  const RenderCase batch = draw_case(pictures, {}, {96, 96}, Interpolation::bilinear, 64);
  const GpuBatch together(pictures, batch, 64), in_turns(pictures, batch, 7);
  const std::vector<float> first = render_batch<float>(together, render_float);
  for (int run = 0; run < 20; ++run) {
    ASSERT_TRUE(first == render_batch<float>(together, render_float)) << run;
  }
  EXPECT_TRUE(first == render_batch<float>(in_turns, render_float));
}

TEST_F(GpuRender, RoundsOnceToBfloat16) {
  const Pictures pictures = photographs(3);
  const RenderCase batch = draw_case(pictures, {}, {96, 96}, Interpolation::bilinear, 16);
  const GpuBatch gpu(pictures, batch, 16);
  const std::vector<float> floats = render_batch<float>(gpu, render_float);
  const std::vector<Bfloat16> rounded = render_batch<Bfloat16>(gpu, render_bfloat16);
  for (size_t i = 0; i < floats.size(); ++i)
    ASSERT_EQ(rounded[i].bits, to_bfloat16(floats[i]).bits) << i;
}

TEST_F(GpuRender, ReplaysAGraphWithOtherViews) {
  const Pictures pictures = photographs(3);
  const RenderCase before = draw_case(pictures, {}, {64, 64}, Interpolation::bilinear, 12);
  RenderCase after = before;
  std::rotate(after.images.begin(), after.images.begin() + 4, after.images.end());
  std::rotate(after.views.begin(), after.views.begin() + 4, after.views.end());
  GpuBatch gpu(pictures, before, 5);
  DeviceArray<float> out(gpu.value_count());
  CapturedLaunch launch([&](cudaStream_t stream) {
    return render_float(&gpu.plan, gpu.views.data(), gpu.count, gpu.workspace.data(), out.data(),
                        stream);
  });
  for (const auto* batch : std::initializer_list<const RenderCase*>{&before, &after}) {
    gpu.set_views(pictures, *batch);
    launch.start();
    launch.wait();
    std::vector<float> values(gpu.value_count());
    out.copy_to(values);
    expect_cpu_renderer(*batch, values);
  }
}

/// Views a second of a captured launch, the best of five: a record, not a condition.
TEST_F(GpuRender, TellsItsSpeed) {
  using Clock = std::chrono::steady_clock;
  constexpr int kViews = 512, kReplays = 20;
  Pictures pictures;
  for (int i = 0; i < 64; ++i) pictures.add(375, 500, 3, false);
  const RenderCase batch = draw_case(pictures, {}, {224, 224}, Interpolation::bilinear, kViews);
  for (const int views_at_once : {32, 64, 128, 512}) {
    const GpuBatch gpu(pictures, batch, views_at_once);
    DeviceArray<Bfloat16> out(gpu.value_count());
    CapturedLaunch launch([&](cudaStream_t stream) {
      return render_bfloat16(&gpu.plan, gpu.views.data(), gpu.count, gpu.workspace.data(),
                             out.data(), stream);
    });
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      launch.start();
      launch.wait();
      const auto begin = Clock::now();
      for (int replay = 0; replay < kReplays; ++replay) launch.start();
      launch.wait();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::cout << "SimCLR views of 224 from 500x375, bfloat16, " << views_at_once
              << " at once: " << static_cast<int64_t>(kViews * kReplays / best) << " views/s\n";
  }
}

}  // namespace
}  // namespace nearfar
