// Batches of views, and their comparison with the CPU renderer.
#include "tests/augment/render_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "augment/blur.h"
#include "augment/device_view.h"
#include "tests/augment/gold_renderer.h"

namespace nearfar {

void Pictures::add(int height, int width, int channels, bool window) {
  Random random(levels.size(), height, width, Purpose::recipe);
  levels.emplace_back(size_t(height) * width * channels);
  for (uint8_t& level : levels.back()) level = static_cast<uint8_t>(64 + random.below(128));
  images.push_back(whole_image(levels.back().data(), height, width, channels));
  if (!window) return;
  images.back().top = 7;
  images.back().left = 3;
  images.back().full_height += 9;
  images.back().full_width += 3;
}

size_t RenderCase::value_count() const {
  return size_t(target.size.height) * target.size.width * images[0].channels;
}

int RenderCase::farthest_reach() const {
  int reach = 0;
  for (const View& view : views)
    reach = std::max(reach, blur_reach(view.blur_kernel, view.blur_sigma));
  return reach;
}

RenderCase draw_case(const Pictures& pictures, ViewPolicy policy, Size size,
                     Interpolation interpolation, int views) {
  policy.size = std::min(size.height, size.width);
  RenderCase batch;
  batch.target = {size, interpolation, {{0.485f, 0.456f, 0.406f}, {0.25f, 0.5f, 1}}};
  for (int i = 0; i < views; ++i) {
    Random random(11, size.width, i, Purpose::view);
    const Image& image = pictures.images[i % pictures.images.size()];
    batch.images.push_back(image);
    batch.views.push_back(draw(policy, image.height, image.width, random));
    batch.views.back().crop.top += image.top;
    batch.views.back().crop.left += image.left;
  }
  return batch;
}

void expect_cpu_renderer(const RenderCase& batch, const std::vector<float>& out) {
  std::vector<float> expected(batch.views.size() * batch.value_count());
  ASSERT_EQ(out.size(), expected.size());
  render(batch.images, batch.views, batch.target, 1, expected.data());
  const size_t each = batch.value_count();
  for (size_t view = 0; view < batch.views.size(); ++view) {
    gold::Rendering gold;  // made only where the two differ
    for (size_t i = 0; i < each; ++i) {
      const float found = out[view * each + i];
      if (std::abs(found - expected[view * each + i]) <= 4e-5f) continue;
      if (gold.values.empty())
        gold = gold::render(batch.images[view], batch.views[view], batch.target);
      ASSERT_NE(gold.values[i], gold.alternative[i])
          << "view " << view << " value " << i << ": expected " << expected[view * each + i]
          << ", got " << found;
      ASSERT_LE(std::min(std::abs(found - gold.values[i]), std::abs(found - gold.alternative[i])),
                4e-5);
    }
  }
}

}  // namespace nearfar
