// The CPU renderer against the naive one at the sizes, radii and batches that are trained with.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "augment/render.h"
#include "tests/augment/gold_renderer.h"
#include "tests/augment/render_case.h"

namespace nearfar {
namespace {

struct Shape {
  const char* name;
  Size size;
  int kernel;
  double sigma;
  int channels;
  bool past_caches;
  int kernel_height = 0;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

class RendersAsTheNaiveOne : public testing::TestWithParam<Shape> {};

/// A view with every operation, of a window, from a crop of the whole of it.
View full_view(const Shape& shape, const Image& image) {
  View view;
  view.crop = {image.top, image.left, image.height, image.width};
  view.flip = true;
  view.jitter_count = 4;
  view.jitter = {{{Jitter::hue, 0.11},
                  {Jitter::brightness, 1.2},
                  {Jitter::contrast, 0.7},
                  {Jitter::saturation, 1.4}}};
  view.blur_kernel = shape.kernel;
  view.blur_sigma = shape.sigma;
  view.blur_kernel_height = shape.kernel_height;
  return view;
}

/// 4e-5 as everywhere: 1e-5 on the scale [0, 1], jitter and a std of 0.25 included.
TEST_P(RendersAsTheNaiveOne, AtThisSize) {
  const Shape& shape = GetParam();
  Pictures pictures;
  pictures.add(shape.size.height * 4 / 3, shape.size.width * 3 / 2, shape.channels, true);
  const Image& image = pictures.images[0];
  RenderTarget target{shape.size, Interpolation::bilinear, {{0.4f, 0.5f, 0.6f}, {0.25f, 0.5f, 1}}};
  target.past_caches = shape.past_caches;
  const View view = full_view(shape, image);
  std::vector<float> out(size_t(shape.size.height) * shape.size.width * shape.channels);
  RenderScratch scratch;
  render_view(image, view, target, scratch, out.data());
  const gold::Rendering expected = gold::render(image, view, target);
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected.values[i], 4e-5) << i;
}

// Radii on both sides of 8, where the loops along rows change; widths beyond one and several of
// their pieces; blurs whose kernel, and blurs whose sigma, is what ends them.
const Shape kShapes[] = {
    {"imagenet", {224, 224}, 23, 1.3, 3, false},
    {"imagenet_widest", {224, 224}, 23, 2.0, 3, true},
    {"radius_8", {64, 225}, 17, 5.0, 3, false},
    {"radius_9", {65, 225}, 19, 5.0, 3, true},
    {"radius_40", {100, 131}, 81, 30.0, 3, false},
    {"sigma_ends_it", {400, 131}, 255, 7.0, 3, false},
    {"wide_kernel", {260, 140}, 255, 20.0, 1, true},
    {"gray", {225, 224}, 23, 1.9, 1, false},
    {"multi_crop", {96, 96}, 9, 0.3, 3, true},
    {"cifar", {32, 32}, 3, 0.7, 3, false},
    {"tall_kernel", {97, 71}, 5, 1.7, 3, false, 15},
    {"column_kernel", {40, 30}, 1, 1.0, 3, false, 7},
    {"row_kernel", {40, 30}, 7, 1.0, 3, false, 1},
};

INSTANTIATE_TEST_SUITE_P(Sizes, RendersAsTheNaiveOne, testing::ValuesIn(kShapes),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace nearfar
