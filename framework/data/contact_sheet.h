// A contact sheet: originals, and beside each the views that a recipe draws of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "augment/view_policy.h"
#include "framework/data/dataset.h"

namespace nearfar {

/// RGB pixels [height, width, 3].
struct Picture {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;
};

/// One row per index: the original, fitted into a square, then one view per policy and, where
/// `repeats` > 1, further draws. Views are those of epoch 0 and the next ones, exactly as training
/// draws them from `seed`. The row of an unreadable image stays
/// empty. Small views are enlarged by whole factors.
Picture contact_sheet(const Dataset& dataset, std::span<const int64_t> indices,
                      const std::vector<ViewPolicy>& policies, int repeats, uint64_t seed);

/// `count` indices spread evenly over a set.
std::vector<int64_t> spread_indices(int64_t size, int64_t count);

/// The bytes of a PNG file. Throws EnvironmentError when the images library is missing.
std::vector<uint8_t> encode_png(const Picture& picture);

}  // namespace nearfar
