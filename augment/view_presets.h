// Published ways of drawing views, by name: SimCLR, MoCo, BYOL, SwAV, DINO, instance
// discrimination.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "augment/view_policy.h"

namespace nearfar {

/// A published way of drawing the views of one image. Sizes are the published ones: whoever trains
/// at another sets ViewPolicy::size.
struct ViewPreset {
  std::string name;
  std::string summary;            // one line
  std::string source;             // the paper, and the code that the numbers were read from
  std::string differs;            // what the released code does otherwise than nearfar
  std::vector<ViewPolicy> views;  // one per view, in the method's order; small crops come last
};

/// SwAV's multi-crop: two views of 224 pixels and `small` views of 96 (Caron et al. 2020).
/// Precondition: small >= 0.
ViewPreset swav_views(int64_t small = 6);

/// DINO's multi-crop: two unlike views of 224 pixels and `small` views of 96 (Caron et al.
/// 2021). Precondition: small >= 0.
ViewPreset dino_views(int64_t small = 8);

/// All presets, each with its published number of views; those of one method are neighbours.
const std::vector<ViewPreset>& view_presets();

std::vector<std::string> view_preset_names();

/// The preset of that name, or nullptr.
const ViewPreset* find_view_preset(std::string_view name);

}  // namespace nearfar
