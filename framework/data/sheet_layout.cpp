// The geometry of contact sheets.
#include "framework/data/sheet_layout.h"

#include <algorithm>
#include <cmath>

#include "framework/data/glyphs.h"

namespace nearfar {
namespace {

constexpr int kGroupGap = 36;
constexpr int kLargestOriginal = 320;
constexpr int kCrowdedOriginal = 360;
constexpr size_t kFewViews = 4;     // the boxes of more need room
constexpr int kFewestColumns = 16;  // characters below a view

/// Start and length of the shown part of [begin, begin + length) of `whole` pixels shown as
/// `shown`.
std::pair<int, int> scaled(int begin, int length, int whole, int shown) {
  const double scale = static_cast<double>(shown) / whole;
  const int smallest = std::min(3, shown);
  int first = static_cast<int>(std::lround(begin * scale));
  const int last = static_cast<int>(std::lround((begin + length) * scale));
  const int extent = std::max(smallest, last - first);
  first = std::min(first, shown - extent);
  return {first, extent};
}

}  // namespace

SheetLayout::SheetLayout(const std::vector<ViewPolicy>& policies, int repeats) : repeats_(repeats) {
  int largest = 1;
  for (const ViewPolicy& policy : policies) {
    largest = std::max(largest, static_cast<int>(policy.size));
  }
  zoom_ = (std::max(kSheetSmallest, largest) + largest - 1) / largest;
  original_side_ = policies.size() > kFewViews
                       ? kCrowdedOriginal
                       : std::clamp(largest * zoom_, kSheetSmallest, kLargestOriginal);
  for (const ViewPolicy& policy : policies) {
    view_sides_.push_back(static_cast<int>(policy.size) * zoom_);
  }
}

int SheetLayout::column_width(size_t view) const {
  return std::max(view_sides_[view], kFewestColumns * kGlyphWidth);
}

int SheetLayout::group_width() const {
  int width = original_side_;
  for (size_t v = 0; v < view_sides_.size(); ++v) width += kSheetGap + column_width(v);
  return width;
}

int SheetLayout::width() const {
  return 2 * kSheetMargin + repeats_ * group_width() + (repeats_ - 1) * kGroupGap;
}

int SheetLayout::original_left(int repeat) const {
  return kSheetMargin + repeat * (group_width() + kGroupGap);
}

int SheetLayout::view_left(int repeat, size_t view) const {
  int left = original_left(repeat) + original_side_ + kSheetGap;
  for (size_t v = 0; v < view; ++v) left += column_width(v) + kSheetGap;
  return left;
}

int SheetLayout::original_columns() const { return original_side_ / kGlyphWidth; }

int SheetLayout::view_columns(size_t view) const { return column_width(view) / kGlyphWidth; }

int SheetLayout::cell_height() const {
  return std::max(original_side_, *std::max_element(view_sides_.begin(), view_sides_.end()));
}

Fit fit_into(Size image, int side) {
  const int longest = std::max(image.height, image.width);
  if (longest <= side) {
    const int zoom = side / longest;
    return {{image.height * zoom, image.width * zoom}, zoom};
  }
  const double scale = static_cast<double>(side) / longest;
  return {{std::max(1, static_cast<int>(std::lround(image.height * scale))),
           std::max(1, static_cast<int>(std::lround(image.width * scale)))},
          1};
}

Box shown_box(const Box& box, Size image, Size shown, int top, int left) {
  const auto [y, height] = scaled(box.top, box.height, image.height, shown.height);
  const auto [x, width] = scaled(box.left, box.width, image.width, shown.width);
  return {top + y, left + x, height, width};
}

}  // namespace nearfar
