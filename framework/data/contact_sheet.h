// A contact sheet: originals with the crop boxes on them, and beside each the views that are drawn
// of it, their draws in words below.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "augment/view_policy.h"
#include "framework/data/canvas.h"
#include "framework/data/dataset.h"

namespace nearfar {

struct SheetOptions {
  std::string title;  // what is shown: in the first line
  std::string note;   // where it comes from: below it, smaller in weight
  int repeats = 1;    // draws of each image: those of the first epochs of training
  uint64_t seed = 0;
};

/// One view on a sheet.
struct SheetView {
  int repeat = 0;
  size_t policy = 0;
  View view;
  std::vector<std::string> words;  // view_words() of it
  Box cell;                        // its pixels on the sheet
};

/// One image on a sheet.
struct SheetRow {
  int64_t index = 0;
  std::string place;
  std::string problem;           // why it cannot be read; then the following are empty
  Size image;                    // of the whole image
  std::vector<Box> originals;    // its pixels on the sheet, for each repeat
  std::vector<SheetView> views;  // by repeat, then by policy
};

struct ContactSheet {
  Canvas canvas;
  int zoom = 1;  // whole factor by which all views are enlarged
  std::vector<SheetRow> rows;
};

/// One row per index, and in it for each repeat the original with the boxes of its views, a colour
/// for each policy, and one view per policy. Views are those of epoch 0 and the next ones, exactly
/// as training draws them from `seed`. An unreadable image becomes a cell that says why. Throws
/// std::invalid_argument for no policies, ConfigError for a sheet above about 2^28 pixels.
ContactSheet contact_sheet(const Dataset& dataset, std::span<const int64_t> indices,
                           const std::vector<ViewPolicy>& policies, const SheetOptions& options);

/// Draws of each image that fit beside each other on a screen: two for at most two views, else one.
int usual_repeats(size_t policies);

/// `count` indices spread evenly over a set.
std::vector<int64_t> spread_indices(int64_t size, int64_t count);

}  // namespace nearfar
