// How the two views of an image are drawn, as config: a published policy, and single keys over it.
#pragma once

#include <string>

#include "augment/view_presets.h"

namespace nearfar {

/// Two view policies under the keys `policy`, `view.*` and `second_view.*`. `policy` names where
/// both start. What is set of `view` holds for the second view too, unless that is set by itself or
/// the named policy draws it otherwise there.
struct TwoViews {
  std::string policy;
  ViewPolicy first, second;

  /// The first two views of a preset; both alike where it has one. Throws std::invalid_argument for
  /// an unknown name.
  explicit TwoViews(const std::string& preset = "simclr");

  std::vector<ViewPolicy> list() const { return {first, second}; }

  void describe(auto& field) {
    field("policy", policy, view_preset_names(),
          "published policy that both views start from; a size that is set stays");
    field.named_values("policy", policy, "size", [](const std::string& name, auto& values) {
      if (find_view_preset(name) != nullptr) TwoViews(name).describe_views(values);
    });
    describe_views(field);
    field.follow("second_view", "view");
  }

 private:
  void describe_views(auto& field) {
    field("view", first, "how the first view of an image is drawn");
    field("second_view", second, "how the second is drawn; keys that are not set follow view");
  }
};

}  // namespace nearfar
