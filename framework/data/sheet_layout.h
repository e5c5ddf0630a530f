// Where the cells of a contact sheet lie.
#pragma once

#include <vector>

#include "augment/view.h"
#include "augment/view_policy.h"

namespace nearfar {

inline constexpr int kSheetMargin = 14;
inline constexpr int kSheetGap = 12;        // between cells
inline constexpr int kSheetLine = 14;       // from one line of words to the next
inline constexpr int kSheetSmallest = 112;  // the largest view is shown at least this wide

/// The columns of a sheet: `repeats` groups of an original and its views. All views are enlarged by
/// the same whole factor, so that their sizes compare.
class SheetLayout {
 public:
  SheetLayout(const std::vector<ViewPolicy>& policies, int repeats);

  int width() const;
  /// Whole factor by which every view is enlarged.
  int zoom() const { return zoom_; }
  /// Side of the square that originals are fitted into.
  int original_side() const { return original_side_; }
  /// Side of a view on the sheet.
  int view_side(size_t view) const { return view_sides_[view]; }
  int original_left(int repeat) const;
  int view_left(int repeat, size_t view) const;
  /// Characters that fit below an original, and below a view.
  int original_columns() const;
  int view_columns(size_t view) const;
  /// The tallest cell.
  int cell_height() const;

 private:
  int column_width(size_t view) const;
  int group_width() const;

  int repeats_;
  int zoom_ = 1;
  int original_side_ = 0;
  std::vector<int> view_sides_;
};

/// How an image is shown in a square: enlarged by a whole factor where it is smaller, shrunk where
/// it is larger; at least a pixel wide.
struct Fit {
  Size size;
  int zoom = 1;  // 1: shrunk, or as it is
};
Fit fit_into(Size image, int side);

/// A box of the image, in the pixels of its shown copy whose upper left corner is at (top, left):
/// at least 3 pixels wide and high.
Box shown_box(const Box& box, Size image, Size shown, int top, int left);

}  // namespace nearfar
