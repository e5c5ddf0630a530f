// The CPU renderer against the naive double-precision one, and its laws: windows, threads, errors.
#include "augment/render.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

#include "augment/view_policy.h"
#include "tests/augment/any.h"
#include "tests/augment/gold_renderer.h"

namespace nearfar {
namespace {

int64_t values_in(const RenderTarget& target, int channels) {
  return int64_t{target.size.height} * target.size.width * channels;
}

/// Levels away from the ends, so that bicubic overshoot stays in [0, 1]: torchvision's hue has a
/// jump above 1, where no two renderers need agree. The ends have a test of their own.
std::vector<uint8_t> noise(uint64_t seed, size_t count, int low = 64, int high = 191) {
  Random random(seed, 0, 0, Purpose::recipe);
  std::vector<uint8_t> levels(count);
  for (uint8_t& level : levels) level = static_cast<uint8_t>(low + random.below(high - low + 1));
  return levels;
}

View any_view(const Box& image, Size size) {
  View view;
  view.crop = any_box_in(image);
  view.flip = any_from(0, 2) == 1;
  view.jitter_count = any_from(0, 5);
  for (int i = 0; i < view.jitter_count; ++i) {
    const auto kind = static_cast<Jitter>(any_from(0, 4));
    view.jitter[i] = {kind, kind == Jitter::hue ? any_between(-0.5, 0.5) : any_between(0.0, 1.8)};
  }
  view.grayscale = any_from(0, 4) == 0;
  if (any_from(0, 2) == 1) {
    view.blur_kernel = 2 * any_from(0, std::min({size.height, size.width, 6})) + 1;
    view.blur_sigma = any_between(0.1, 3.0);
  }
  view.solarize = any_from(0, 2) == 1;
  view.solarize_threshold = any_between(0.0, 1.0);
  return view;
}

/// A small picture: the naive renderer looks at every tap of it.
Size any_small_size() { return {any_from(1, 40), any_from(1, 40)}; }

/// 1e-5 on the scale [0, 1]: float32 resampling and blur err by about 1e-6 (positions of taps), and
/// the jitter factors of any_view amplify that by up to 1.8 each. Divided by the smallest std.
void expect_gold(const std::vector<float>& out, const gold::Rendering& expected) {
  for (size_t i = 0; i < out.size(); ++i) {
    const double error =
        std::min(std::abs(out[i] - expected.values[i]), std::abs(out[i] - expected.alternative[i]));
    RC_ASSERT(error <= 4e-5);
  }
}

RC_GTEST_PROP(RenderView, EqualsTheNaiveRenderer, ()) {
  static RenderScratch scratch;  // used by all cases, large and small
  const int channels = *rc::gen::element(1, 3);
  const Box frame{0, 0, any_from(1, 120), any_from(1, 120)};
  const auto levels = noise(any_from(0, 1 << 30), size_t(frame.height) * frame.width * channels);
  const Image image = whole_image(levels.data(), frame.height, frame.width, channels);
  const RenderTarget target = any_target(any_small_size());
  const View view = any_view(frame, target.size);
  std::vector<float> out(values_in(target, channels), std::nanf(""));
  render_view(image, view, target, scratch, out.data());
  expect_gold(out, gold::render(image, view, target));
}

/// 1 to `most`, small numbers as often as large ones.
int any_length(int most) {
  return static_cast<int>(std::lround(std::exp(any_between(0.0, std::log(most)))));
}

/// A box whose sides lie on the frame's edges as often as not.
Box any_edge_box(const Box& frame) {
  Box box{0, 0, any_length(frame.height), any_length(frame.width)};
  const int bottom = frame.height - box.height, right = frame.width - box.width;
  box.top = *rc::gen::element(0, bottom / 2, bottom);
  box.left = *rc::gen::element(0, right / 2, right);
  return box;
}

/// Frames of 1 x 1 to 4,000 x 3,000 and of any aspect.
RC_GTEST_PROP(RenderView, EqualsTheNaiveRendererForAnyGeometry, ()) {
  static RenderScratch scratch;
  static const auto levels = noise(11, size_t(4000) * 3000 * 3);
  const int channels = *rc::gen::element(1, 3);
  const Box frame{0, 0, any_length(3000), any_length(4000)};
  const Image image = whole_image(levels.data(), frame.height, frame.width, channels);
  RenderTarget target = any_target({any_length(48), any_length(48)});
  View view = any_view(frame, target.size);
  view.crop = any_edge_box(frame);
  std::vector<float> out(values_in(target, channels), std::nanf(""));
  render_view(image, view, target, scratch, out.data());
  expect_gold(out, gold::render(image, view, target));
}

RC_GTEST_PROP(RenderView, SeesTheSameThroughAWindow, ()) {
  const int channels = *rc::gen::element(1, 3);
  const Box frame{0, 0, any_from(1, 40), any_from(1, 40)};
  const auto levels =
      noise(any_from(0, 1 << 30), size_t(frame.height) * frame.width * channels, 0, 255);
  const Image image = whole_image(levels.data(), frame.height, frame.width, channels);
  const Box window = any_box_in(frame);
  std::vector<uint8_t> cut;
  for (int y = window.top; y < window.top + window.height; ++y) {
    const uint8_t* row = &levels[(size_t(y) * frame.width + window.left) * channels];
    cut.insert(cut.end(), row, row + window.width * channels);
  }
  const Image part{cut.data(), window.height, window.width, channels,
                   window.top, window.left,   frame.height, frame.width};
  const RenderTarget target = any_target(any_small_size());
  const View view = any_view(window, target.size);
  RenderScratch scratch;
  std::vector<float> whole_out(values_in(target, channels)), part_out(whole_out.size(), -1.0f);
  render_view(image, view, target, scratch, whole_out.data());
  render_view(part, view, target, scratch, part_out.data());
  RC_ASSERT(whole_out == part_out);
}

TEST(Render, DoesNotDependOnThreads) {
  const auto levels = noise(1, 60 * 50 * 3, 0, 255);
  ViewPolicy policy;
  policy.size = 24;
  policy.solarize = 0.3;
  std::vector<Image> images;
  std::vector<View> views;
  for (int i = 0; i < 37; ++i) {
    Random random(5, 0, i, Purpose::view);
    images.push_back(whole_image(levels.data() + 30 * i, 40 + i % 3, 40, 3));
    views.push_back(draw(policy, images.back().height, 40, random));
  }
  const RenderTarget target{{24, 24}, Interpolation::bicubic, {{0.5f, 0.4f, 0.3f}, {0.2f, 1, 1}}};
  const int64_t each = values_in(target, 3);
  std::vector<float> alone(each * views.size());
  RenderScratch scratch;
  for (size_t i = 0; i < views.size(); ++i)
    render_view(images[i], views[i], target, scratch, alone.data() + i * each);
  for (int threads : {1, 2, 3, 64}) {
    std::vector<float> together(alone.size(), -1.0f);
    render(images, views, target, threads, together.data());
    EXPECT_EQ(alone, together) << threads << " threads";
  }
  EXPECT_NO_THROW(render({}, {}, target, 2, static_cast<float*>(nullptr)));
}

TEST(RenderView, BicubicOvershootStaysFinite) {
  // Beside the black and blue edge the largest channel is 0 and another one negative.
  std::vector<uint8_t> levels(8 * 8 * 3, 0);
  for (int i = 0; i < 8 * 8; i += 2) levels[3 * i + 2] = 255;
  const RenderTarget target{{21, 19}, Interpolation::bicubic, {}};
  View view;
  view.crop = {0, 0, 8, 8};
  RenderScratch scratch;
  std::vector<float> plain(values_in(target, 3)), shifted(plain.size());
  render_view(whole_image(levels.data(), 8, 8, 3), view, target, scratch, plain.data());
  const auto [least, most] = std::minmax_element(plain.begin(), plain.end());
  EXPECT_LT(*least, -0.01f);  // not clamped, like torchvision's float path
  EXPECT_GT(*most, 1.01f);
  view.jitter_count = 1;
  view.jitter[0] = {Jitter::hue, 0.3};
  render_view(whole_image(levels.data(), 8, 8, 3), view, target, scratch, shifted.data());
  for (float value : shifted) ASSERT_TRUE(std::isfinite(value));
}

TEST(RenderView, ExactWhereNothingChanges) {
  const auto levels = noise(3, 9 * 7 * 3, 0, 255);
  for (const auto interpolation : {Interpolation::bilinear, Interpolation::bicubic}) {
    const RenderTarget target{{9, 7}, interpolation, {}};
    View view;
    view.crop = {0, 0, 9, 7};
    RenderScratch scratch;
    std::vector<float> out(levels.size());
    render_view(whole_image(levels.data(), 9, 7, 3), view, target, scratch, out.data());
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], levels[i] / 255.0f);
  }
}

}  // namespace
}  // namespace nearfar
