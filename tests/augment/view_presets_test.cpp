// Presets hold the published numbers, written down here a second time as the released code has
// them.
#include "augment/view_presets.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <stdexcept>

namespace nearfar {
namespace {

/// A view as the released code spells it: RandomResizedCrop(size, scale), p and arguments of
/// ColorJitter, p of RandomGrayscale, p and sigma of the blur with its taps, p of solarisation.
struct Published {
  int64_t size;
  std::array<double, 2> scale;
  double jitter;
  std::array<double, 4> strengths;
  double grayscale, blur;
  int64_t taps;  // where the method blurs
  double solarize;
  const char* interpolation;
};

void expect_published(const ViewPolicy& policy, const Published& published) {
  EXPECT_EQ(policy.size, published.size);
  EXPECT_EQ(policy.crop_min, published.scale[0]);
  EXPECT_EQ(policy.crop_max, published.scale[1]);
  EXPECT_EQ(policy.aspect_min, 3.0 / 4.0);
  EXPECT_EQ(policy.aspect_max, 4.0 / 3.0);
  EXPECT_EQ(policy.flip, 0.5);
  EXPECT_EQ(policy.jitter, published.jitter);
  const auto& [brightness, contrast, saturation, hue] = published.strengths;
  EXPECT_EQ(policy.brightness, brightness);
  EXPECT_EQ(policy.contrast, contrast);
  EXPECT_EQ(policy.saturation, saturation);
  EXPECT_EQ(policy.hue, hue);
  EXPECT_EQ(policy.grayscale, published.grayscale);
  EXPECT_EQ(policy.blur, published.blur);
  if (policy.blur > 0.0) {
    EXPECT_EQ(policy.blur_sigma_min, 0.1);
    EXPECT_EQ(policy.blur_sigma_max, 2.0);
    EXPECT_EQ(blur_taps(policy), published.taps);
  }
  EXPECT_EQ(policy.solarize, published.solarize);
  EXPECT_EQ(policy.solarize_threshold, 0.5);
  EXPECT_EQ(policy.interpolation, published.interpolation);
}

void expect_views(const ViewPreset& preset, const std::vector<Published>& published) {
  SCOPED_TRACE(preset.name);
  ASSERT_EQ(preset.views.size(), published.size());
  for (size_t i = 0; i < published.size(); ++i) expect_published(preset.views[i], published[i]);
}

const ViewPreset& preset(const char* name) {
  const ViewPreset* found = find_view_preset(name);
  if (found == nullptr) throw std::out_of_range(name);
  return *found;
}

TEST(ViewPresets, OfSimClr) {
  const Published imagenet{224, {0.08, 1}, 0.8, {0.8, 0.8, 0.8, 0.2}, 0.2, 0.5, 23, 0, "bilinear"};
  const Published cifar{32, {0.08, 1}, 0.8, {0.4, 0.4, 0.4, 0.1}, 0.2, 0, 0, 0, "bilinear"};
  expect_views(preset("simclr"), {imagenet, imagenet});
  expect_views(preset("simclr_cifar"), {cifar, cifar});
}

TEST(ViewPresets, OfMoCoAndInstanceDiscrimination) {
  const Published weak{224, {0.2, 1}, 1.0, {0.4, 0.4, 0.4, 0.4}, 0.2, 0, 0, 0, "bilinear"};
  const Published blurred{224, {0.2, 1}, 0.8, {0.4, 0.4, 0.4, 0.1}, 0.2, 0.5, 23, 0, "bilinear"};
  expect_views(preset("npid"), {weak});
  expect_views(preset("moco_v1"), {weak, weak});
  expect_views(preset("moco_v2"), {blurred, blurred});
}

TEST(ViewPresets, OfByolAreUnlike) {
  const std::array<double, 4> colors{0.4, 0.4, 0.2, 0.1};
  expect_views(preset("byol"), {{224, {0.08, 1}, 0.8, colors, 0.2, 1.0, 23, 0.0, "bicubic"},
                                {224, {0.08, 1}, 0.8, colors, 0.2, 0.1, 23, 0.2, "bicubic"}});
}

TEST(ViewPresets, OfSwavAndDinoAreMultiCrop) {
  const std::array<double, 4> strong{0.8, 0.8, 0.8, 0.2}, weak{0.4, 0.4, 0.2, 0.1};
  const Published large{224, {0.14, 1}, 0.8, strong, 0.2, 0.5, 23, 0, "bilinear"};
  const Published small{96, {0.05, 0.14}, 0.8, strong, 0.2, 0.5, 23, 0, "bilinear"};
  const Published first{224, {0.4, 1}, 0.8, weak, 0.2, 1.0, 23, 0.0, "bicubic"};
  const Published second{224, {0.4, 1}, 0.8, weak, 0.2, 0.1, 23, 0.2, "bicubic"};
  const Published local{96, {0.05, 0.4}, 0.8, weak, 0.2, 0.5, 23, 0.0, "bicubic"};
  expect_views(preset("swav"), {large, large, small, small, small, small, small, small});
  expect_views(preset("dino"),
               {first, second, local, local, local, local, local, local, local, local});
  expect_views(swav_views(0), {large, large});
  expect_views(dino_views(1), {first, second, local});
}

TEST(ViewPresets, AreNamedExplainedAndConsistent) {
  std::set<std::string> names;
  for (const ViewPreset& each : view_presets()) {
    SCOPED_TRACE(each.name);
    EXPECT_TRUE(names.insert(each.name).second);
    EXPECT_EQ(find_view_preset(each.name), &each);
    EXPECT_FALSE(each.summary.empty());
    EXPECT_NE(each.source.find(" et al. "), std::string::npos);
    EXPECT_FALSE(each.differs.empty());
    for (ViewPolicy view : each.views) {
      EXPECT_EQ(policy_error(view), "");
      view.size = 32;  // a preset may be asked for at the sizes of small images
      EXPECT_EQ(policy_error(view), "");
    }
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(find_view_preset("simclr2"), nullptr);
}

}  // namespace
}  // namespace nearfar
