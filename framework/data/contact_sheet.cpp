// Contact sheets: the head, the rows, the foot.
#include "framework/data/contact_sheet.h"

#include <algorithm>
#include <stdexcept>

#include "framework/data/crop_marks.h"
#include "framework/data/glyphs.h"
#include "framework/data/sheet_row.h"
#include "framework/data/view_words.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

using Lines = std::vector<std::string>;

constexpr Rgb8 kRule{222, 222, 222};
constexpr int64_t kMostPixels = int64_t{1} << 28;

/// Title, note, and what each column is.
Canvas paint_head(const Sheet& sheet) {
  const SheetLayout& layout = sheet.layout;
  const int columns = (layout.width() - 2 * kSheetMargin) / kGlyphWidth;
  const Lines title = wrap_text(printable(sheet.options.title), columns);
  const Lines note = wrap_text(printable(sheet.options.note), columns);
  const auto lines = static_cast<int>(title.size() + note.size());
  const int heads = kSheetMargin + lines * kSheetLine + kSheetGap;
  Canvas strip = make_canvas(heads + kSheetLine + kSheetGap, layout.width(), kPaper);
  write_block(strip, kSheetMargin, kSheetMargin, title, kSheetLine, kInk, Weight::bold);
  write_block(strip, kSheetMargin + static_cast<int>(title.size()) * kSheetLine, kSheetMargin, note,
              kSheetLine, kFaintInk, Weight::regular);
  for (int repeat = 0; repeat < sheet.options.repeats; ++repeat) {
    write_words(strip, heads, layout.original_left(repeat),
                "epoch " + std::to_string(repeat + 1) + ", crops", kInk, Weight::bold);
    for (size_t v = 0; v < sheet.policies.size(); ++v) {
      const int left = layout.view_left(repeat, v);
      draw_policy_tag(strip, v, heads, left);
      write_words(strip, heads, left + policy_tag_size(v).width + kGlyphWidth,
                  "view, " + std::to_string(sheet.policies[v].size) + " px", kInk);
    }
  }
  return strip;
}

Canvas paint_foot(const Sheet& sheet) {
  const int columns = (sheet.layout.width() - 2 * kSheetMargin) / kGlyphWidth;
  const Lines legend = wrap_text(view_words_legend(), columns);
  const auto lines = static_cast<int>(legend.size());
  Canvas strip = make_canvas(lines * kSheetLine + kSheetMargin, sheet.layout.width(), kPaper);
  write_block(strip, 0, kSheetMargin, legend, kSheetLine, kFaintInk, Weight::regular);
  return strip;
}

/// A blank strip with a thin line across.
Canvas paint_rule(const Sheet& sheet) {
  Canvas strip = make_canvas(2 * kSheetGap, sheet.layout.width(), kPaper);
  fill(strip, {kSheetGap, kSheetMargin, 1, strip.width - 2 * kSheetMargin}, kRule);
  return strip;
}

/// Refuses what would take long to paint and no viewer opens.
void check_size(const Sheet& sheet, int64_t rows) {
  const int64_t pixels = rows * sheet.layout.cell_height() * sheet.layout.width();
  if (pixels <= kMostPixels) return;
  throw ConfigError("views: a sheet of about " + format_count(pixels) + " pixels, above " +
                    format_count(kMostPixels) +
                    "; expected fewer images (--count), fewer repeats or smaller views");
}

/// Appends a strip of the same width below.
void append(Canvas& canvas, const Canvas& strip) {
  canvas.pixels.insert(canvas.pixels.end(), strip.pixels.begin(), strip.pixels.end());
  canvas.height += strip.height;
}

void move_down(SheetRow& row, int by) {
  for (Box& original : row.originals) original.top += by;
  for (SheetView& view : row.views) view.cell.top += by;
}

}  // namespace

ContactSheet contact_sheet(const Dataset& dataset, std::span<const int64_t> indices,
                           const std::vector<ViewPolicy>& policies, const SheetOptions& options) {
  if (policies.empty() || options.repeats < 1) {
    throw std::invalid_argument("contact_sheet: expected at least one policy and one repeat");
  }
  const Sheet sheet{dataset, policies, options, SheetLayout(policies, options.repeats)};
  check_size(sheet, static_cast<int64_t>(indices.size()));
  ContactSheet made;
  made.zoom = sheet.layout.zoom();
  made.canvas = paint_head(sheet);
  for (const int64_t index : indices) {
    SheetRow row;
    row.index = index;
    row.place = dataset.place(index);
    const Canvas strip = paint_row(sheet, row);
    move_down(row, made.canvas.height);
    append(made.canvas, strip);
    append(made.canvas, paint_rule(sheet));
    made.rows.push_back(std::move(row));
  }
  append(made.canvas, paint_foot(sheet));
  return made;
}

int usual_repeats(size_t policies) { return policies <= 2 ? 2 : 1; }

std::vector<int64_t> spread_indices(int64_t size, int64_t count) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < std::min(size, count); ++i) {
    indices.push_back(i * size / std::min(size, count));
  }
  return indices;
}

}  // namespace nearfar
