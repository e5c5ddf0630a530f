// Painting of one row of a contact sheet.
#pragma once

#include "framework/data/contact_sheet.h"
#include "framework/data/sheet_layout.h"

namespace nearfar {

inline constexpr Rgb8 kPaper{255, 255, 255};
inline constexpr Rgb8 kInk{34, 34, 34};
inline constexpr Rgb8 kFaintInk{110, 110, 110};

/// What all rows of a sheet have in common.
struct Sheet {
  const Dataset& dataset;
  const std::vector<ViewPolicy>& policies;
  const SheetOptions& options;
  SheetLayout layout;
};

/// Reads the image of row.index, paints its strip of the sheet and fills in the row: places of
/// cells are counted from the strip's top. row.place is given.
Canvas paint_row(const Sheet& sheet, SheetRow& row);

}  // namespace nearfar
