// Every instruction set computes the same bits, and no loop reads or writes beyond its rows.
#include "augment/kernels.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <vector>

#include "augment/random.h"
#include "augment/render_rows.h"
#include "augment/view_policy.h"
#include "tests/augment/any.h"

namespace nearfar {
namespace {

std::vector<uint8_t> random_levels(uint64_t seed, size_t count) {
  Random random(seed, 0, 0, Purpose::recipe);
  std::vector<uint8_t> levels(count);
  for (uint8_t& level : levels) level = static_cast<uint8_t>(random.below(256));
  return levels;
}

ViewPolicy any_policy() {
  ViewPolicy policy;
  policy.size = *rc::gen::element(1, 2, 15, 16, 17, 28, 32, 33, 64, 96, 150);
  policy.crop_min = any_between(0.001, 1.0);
  policy.aspect_min = any_between(0.1, 1.0);
  policy.aspect_max = any_between(1.0, 10.0);
  policy.blur = policy.size < 4 ? 0.0 : 0.5;
  policy.blur_sigma_max = any_between(0.2, 5.0);
  policy.solarize = 0.3;
  policy.interpolation = any_from(0, 2) == 0 ? "bilinear" : "bicubic";
  return policy;
}

template <typename Value>
std::vector<Value> rendered(const Kernels& kernels, const Image& image, const View& view,
                            const RenderTarget& target) {
  // Exactly as large as the view: the sanitizers see every float beyond it.
  std::vector<Value> out(size_t(target.size.height) * target.size.width * image.channels);
  RenderScratch scratch;
  render_rows(kernels, image, view, target, scratch.buffers(), out.data());
  return out;
}

template <typename Value>
bool same_bits(const std::vector<Value>& a, const std::vector<Value>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Value)) == 0;
}

TEST(InstructionSets, TheFirstIsPortableAndAllHaveNames) {
  ASSERT_GE(available_kernels().size(), 1u);
  EXPECT_STREQ(available_kernels().front()->name, "portable");
  for (const Kernels* kernels : available_kernels()) {
    RecordProperty("instruction_set", kernels->name);
    std::printf("instruction set: %s\n", kernels->name);
  }
}

RC_GTEST_PROP(InstructionSets, ComputeTheSameBits, ()) {
  const int channels = *rc::gen::element(1, 3);
  const int height = any_from(1, 300), width = any_from(1, 300);
  const auto levels = random_levels(any_from(0, 1 << 30), size_t(height) * width * channels);
  const Image image = whole_image(levels.data(), height, width, channels);
  const ViewPolicy policy = any_policy();
  Random random(any_from(0, 1 << 30), 0, 0, Purpose::view);
  const View view = draw(policy, height, width, random);
  const int side = static_cast<int>(policy.size);
  RenderTarget target{
      {side, side},
      policy.interpolation == "bicubic" ? Interpolation::bicubic : Interpolation::bilinear,
      {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}};
  const auto expected = rendered<float>(*available_kernels().front(), image, view, target);
  for (const Kernels* kernels : available_kernels()) {
    target.past_caches = any_from(0, 2) == 1;
    RC_ASSERT(same_bits(rendered<float>(*kernels, image, view, target), expected));
    const auto halves = rendered<Bfloat16>(*kernels, image, view, target);
    for (size_t i = 0; i < halves.size(); ++i) {
      RC_ASSERT(halves[i].bits == to_bfloat16(expected[i]).bits);
    }
  }
}

}  // namespace
}  // namespace nearfar
