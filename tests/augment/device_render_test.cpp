// The GPU's kernels, run block by block and thread by thread on the host, against the CPU renderer.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

#include "augment/bfloat16.h"
#include "augment/device_emulation.h"
#include "augment/device_view.h"
#include "augment/render.h"
#include "tests/augment/any.h"
#include "tests/augment/render_case.h"

namespace nearfar {
namespace {

/// Any order of the four steps, or fewer; at most one contrast.
void shuffle_jitter(View& view) {
  int kinds[] = {0, 1, 2, 3};
  for (int i = 3; i > 0; --i) std::swap(kinds[i], kinds[any_from(0, i + 1)]);
  view.jitter_count = any_from(0, 5);
  for (int i = 0; i < view.jitter_count; ++i) {
    const auto kind = static_cast<Jitter>(kinds[i]);
    view.jitter[i] = {kind, kind == Jitter::hue ? any_between(-0.5, 0.5) : any_between(0.0, 1.8)};
  }
}

View any_view(const Image& image, Size size, int most_taps) {
  View view;
  view.crop = any_box_in({image.top, image.left, image.height, image.width});
  view.flip = any_from(0, 2) == 1;
  shuffle_jitter(view);
  view.grayscale = any_from(0, 4) == 0;
  if (any_from(0, 2) == 1) {
    const int radius = std::min({size.height - 1, size.width - 1, most_taps / 2});
    view.blur_kernel = 2 * any_from(0, radius + 1) + 1;
    view.blur_sigma = any_between(0.1, 1.0 + 0.2 * radius);
  }
  view.solarize = any_from(0, 3) == 0;
  view.solarize_threshold = any_between(0.0, 1.0);
  return view;
}

template <typename Value>
std::vector<Value> render_on_device(const RenderCase& batch, int views_at_once) {
  const int channels = batch.images[0].channels;
  const DevicePlan plan =
      make_device_plan(batch.target, channels, batch.farthest_reach(), views_at_once);
  std::vector<DeviceView> device_views(batch.views.size());
  describe_views(batch.images, batch.views, plan, device_views.data());
  std::vector<Value> out(batch.views.size() * batch.value_count());
  const auto count = static_cast<int>(batch.views.size());
  const auto run = channels == 1 ? render_like_device<1, Value> : render_like_device<3, Value>;
  run(plan, device_views.data(), count, out.data());
  return out;
}

RenderCase any_case(const Pictures& pictures, Size size, int views, int most_taps) {
  RenderCase batch;
  batch.target = any_target(size);
  for (int i = 0; i < views; ++i) {
    batch.images.push_back(pictures.images[i % pictures.images.size()]);
    batch.views.push_back(any_view(batch.images.back(), size, most_taps));
  }
  return batch;
}

RC_GTEST_PROP(DeviceRender, EqualsTheCpuRenderer, ()) {
  const int channels = *rc::gen::element(1, 3);
  Pictures pictures;
  for (int i = 0; i < 3; ++i)
    pictures.add(any_from(1, 150), any_from(1, 150), channels, any_from(0, 2) == 1);
  const Size size{any_from(1, 140), any_from(1, 140)};
  const RenderCase batch = any_case(pictures, size, 3, any_from(1, 60));
  expect_cpu_renderer(batch, render_on_device<float>(batch, any_from(1, 5)));
  RC_ASSERT(!testing::Test::HasFailure());
}

/// The sizes that are trained on, and one that no tile divides.
TEST(DeviceRender, EqualsTheCpuRendererInEverySize) {
  Pictures pictures;
  pictures.add(375, 500, 3, false);
  pictures.add(500, 333, 3, true);
  pictures.add(32, 32, 3, false);
  ViewPolicy policy;
  policy.solarize = 0.2;
  for (const Size size : {Size{32, 32}, Size{96, 96}, Size{224, 224}, Size{33, 57}}) {
    for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
      const RenderCase batch = draw_case(pictures, policy, size, interpolation, 6);
      expect_cpu_renderer(batch, render_on_device<float>(batch, 4));
    }
  }
}

/// Weights beyond the table, rows beyond a chunk: a panorama shrunk to almost nothing, and single
/// pixels made large.
TEST(DeviceRender, EqualsTheCpuRendererAtExtremeScales) {
  Pictures pictures;
  pictures.add(40, 3000, 3, false);
  pictures.add(2900, 30, 3, false);
  pictures.add(1, 1, 3, false);
  pictures.add(1, 90, 3, false);
  for (const Size size : {Size{1, 1}, Size{2, 33}, Size{65, 3}, Size{40, 300}}) {
    for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
      RenderCase batch{pictures.images, std::vector<View>(4), {size, interpolation, {}}};
      for (int i = 0; i < 4; ++i) {
        const Image& image = batch.images[i];
        batch.views[i].crop = {0, 0, image.height, image.width};
        batch.views[i].flip = i % 2 == 0;
        batch.views[i].jitter_count = 1;
        batch.views[i].jitter[0] = {Jitter::contrast, 1.4};
      }
      expect_cpu_renderer(batch, render_on_device<float>(batch, 3));
    }
  }
}

TEST(DeviceRender, BlursFarAcrossStrips) {
  Pictures pictures;
  pictures.add(140, 170, 3, false);
  pictures.add(170, 140, 3, false);
  for (const int kernel : {3, 17, 63, 129, 255}) {
    RenderCase batch{
        pictures.images, std::vector<View>(2), {{150, 131}, Interpolation::bilinear, {}}};
    for (View& view : batch.views) {
      view.crop = {3, 5, 120, 110};
      view.blur_kernel = kernel;
      view.blur_sigma = kernel;
    }
    expect_cpu_renderer(batch, render_on_device<float>(batch, 2));
  }
}

TEST(DeviceRender, ExactWhereNothingChanges) {
  Pictures pictures;
  pictures.add(41, 67, 3, false);
  View view;
  view.crop = {0, 0, 41, 67};
  for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
    const RenderCase batch{pictures.images, {view}, {{41, 67}, interpolation, {}}};
    const std::vector<float> out = render_on_device<float>(batch, 1);
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], unit_value(pictures.levels[0][i]));
  }
}

RC_GTEST_PROP(DeviceRender, DoesNotDependOnTheTurns, ()) {
  Pictures pictures;
  pictures.add(60, 50, 3, false);
  const RenderCase batch = any_case(pictures, {any_from(1, 70), any_from(1, 70)}, 7, 21);
  const std::vector<float> together = render_on_device<float>(batch, 7);
  RC_ASSERT(render_on_device<float>(batch, 1) == together);
  RC_ASSERT(render_on_device<float>(batch, 3) == together);
}

/// A race between threads would show: a GPU runs them in any order.
RC_GTEST_PROP(DeviceRender, DoesNotDependOnTheOrderOfThreads, ()) {
  Pictures pictures;
  const int channels = *rc::gen::element(1, 3);
  pictures.add(60, 50, channels, false);
  const RenderCase batch = any_case(pictures, {any_from(1, 70), any_from(1, 70)}, 4, 41);
  const std::vector<float> forwards = render_on_device<float>(batch, 4);
  threads_run_backwards = true;
  const std::vector<float> backwards = render_on_device<float>(batch, 4);
  threads_run_backwards = false;
  RC_ASSERT(forwards == backwards);
}

RC_GTEST_PROP(DeviceRender, RoundsOnceToBfloat16, ()) {
  Pictures pictures;
  pictures.add(60, 50, 3, false);
  const RenderCase batch = any_case(pictures, {any_from(1, 70), any_from(1, 70)}, 2, 21);
  const std::vector<float> floats = render_on_device<float>(batch, 2);
  const std::vector<Bfloat16> rounded = render_on_device<Bfloat16>(batch, 2);
  for (size_t i = 0; i < floats.size(); ++i)
    RC_ASSERT(rounded[i].bits == to_bfloat16(floats[i]).bits);
}

}  // namespace
}  // namespace nearfar
