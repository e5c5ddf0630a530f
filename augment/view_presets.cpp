// The numbers of published view policies, each next to where it was read.
#include "augment/view_presets.h"

#include <algorithm>

namespace nearfar {
namespace {

// Blurs whose number of taps does not depend on the view's size: OpenCV's with 23 taps, and
// Pillow's, which has no fixed support; 11 taps to a side lose nothing at the largest sigma, 2.
constexpr int64_t kWholeBlur = 23;

constexpr const char* kPillowBlur =
    "Pillow's GaussianBlur(radius) takes the radius as sigma and approximates the Gaussian by "
    "repeated box blurs on uint8; here it is the Gaussian itself, cut off at 23 taps";

ViewPreset simclr_views() {
  return {"simclr",
          "two views with strong colour jitter and blur, for ImageNet",
          "Chen et al. 2020, appendix A; google-research/simclr data_util.py, run.py",
          "resizes bicubically without antialiasing; contrast is about each channel's own mean, "
          "saturation is scaled in HSV; the blur pads with zeros",
          {ViewPolicy(), ViewPolicy()}};
}

ViewPreset simclr_cifar_views() {
  ViewPolicy view;
  view.size = 32;
  view.brightness = view.contrast = view.saturation = 0.4;
  view.hue = 0.1;
  view.blur = 0.0;
  return {"simclr_cifar",
          "SimCLR's views for CIFAR: jitter of half the strength, no blur",
          "Chen et al. 2020, appendix B.9; google-research/simclr README.md "
          "(--color_jitter_strength=0.5 --use_blur=False)",
          simclr_views().differs,
          {view, view}};
}

ViewPolicy weak_view() {
  ViewPolicy view;
  view.crop_min = 0.2;
  view.jitter = 1.0;
  view.brightness = view.contrast = view.saturation = view.hue = 0.4;
  view.blur = 0.0;
  return view;
}

constexpr const char* kGrayFirst =
    "drops the colour before the jitter, not after it: there, hue and saturation leave gray views "
    "as they are, here they still shift the brightness of coloured pixels in gray views";

ViewPreset npid_views() {
  return {"npid",
          "instance discrimination's one view: weak crops, jitter always, no blur",
          "Wu et al. 2018; zhirongw/lemniscate.pytorch main.py",
          kGrayFirst,
          {weak_view()}};
}

ViewPreset moco_v1_views() {
  return {"moco_v1",
          "two views, drawn as in instance discrimination",
          "He et al. 2019, section 3.3; facebookresearch/moco main_moco.py (without --aug-plus)",
          kGrayFirst,
          {weak_view(), weak_view()}};
}

ViewPreset moco_v2_views() {
  ViewPolicy view;
  view.crop_min = 0.2;
  view.brightness = view.contrast = view.saturation = 0.4;
  view.hue = 0.1;
  view.blur_kernel = kWholeBlur;
  return {"moco_v2",
          "two views: SimCLR's blur with weaker jitter",
          "Chen et al. 2020, Improved Baselines; facebookresearch/moco main_moco.py (--aug-plus)",
          kPillowBlur,
          {view, view}};
}

/// What BYOL's and DINO's views have in common.
ViewPolicy byol_colors() {
  ViewPolicy view;
  view.brightness = view.contrast = 0.4;
  view.saturation = 0.2;
  view.hue = 0.1;
  view.interpolation = "bicubic";
  return view;
}

ViewPreset byol_views() {
  ViewPolicy first = byol_colors(), second = byol_colors();
  first.blur = 1.0;
  second.blur = 0.1;
  second.solarize = 0.2;
  return {"byol",
          "two unlike views: the first always blurred, the second seldom, but solarized",
          "Grill et al. 2020, appendix B; google-deepmind/deepmind-research "
          "byol/utils/augmentations.py, dataset.py",
          "one try of a crop, cut to the image where it does not fit; resizes without "
          "antialiasing; brightness is a sum, contrast about each channel's own mean, saturation "
          "is scaled in HSV; the blur pads with zeros",
          {first, second}};
}

/// `views` and then `count` of the small one.
std::vector<ViewPolicy> with_small(std::vector<ViewPolicy> views, int64_t count,
                                   const ViewPolicy& small) {
  views.insert(views.end(), static_cast<size_t>(count), small);
  return views;
}

}  // namespace

ViewPreset swav_views(int64_t small) {
  ViewPolicy large;
  large.crop_min = 0.14;
  large.blur_kernel = kWholeBlur;
  ViewPolicy local = large;
  local.size = 96;
  local.crop_min = 0.05;
  local.crop_max = 0.14;
  return {"swav",
          "multi-crop: two views of 224 pixels and small ones of 96, all with SimCLR's colours",
          "Caron et al. 2020; facebookresearch/swav "
          "src/multicropdataset.py, scripts/swav_800ep_pretrain.sh",
          "nothing, but for rounding to uint8 after each step",
          with_small({large, large}, small, local)};
}

ViewPreset dino_views(int64_t small) {
  ViewPolicy first = byol_colors();
  first.crop_min = 0.4;
  first.blur = 1.0;
  first.blur_kernel = kWholeBlur;
  ViewPolicy second = first;
  second.blur = 0.1;
  second.solarize = 0.2;
  ViewPolicy local = first;
  local.size = 96;
  local.crop_min = 0.05;
  local.crop_max = 0.4;
  local.blur = 0.5;
  return {"dino", "multi-crop: two unlike views of 224 pixels as in BYOL, and small ones of 96",
          "Caron et al. 2021; facebookresearch/dino main_dino.py, utils.py", kPillowBlur,
          with_small({first, second}, small, local)};
}

const std::vector<ViewPreset>& view_presets() {
  static const std::vector<ViewPreset> presets = {
      simclr_views(), simclr_cifar_views(), moco_v1_views(), moco_v2_views(),
      byol_views(),   swav_views(),         dino_views(),    npid_views()};
  return presets;
}

std::vector<std::string> view_preset_names() {
  std::vector<std::string> names;
  for (const ViewPreset& preset : view_presets()) names.push_back(preset.name);
  return names;
}

const ViewPreset* find_view_preset(std::string_view name) {
  const auto& presets = view_presets();
  const auto found = std::find_if(presets.begin(), presets.end(),
                                  [&](const ViewPreset& preset) { return preset.name == name; });
  return found == presets.end() ? nullptr : &*found;
}

}  // namespace nearfar
