// Rows of contact sheets: originals with boxes, views with words, or why an image cannot be read.
#include "framework/data/sheet_row.h"

#include <algorithm>
#include <cmath>

#include "augment/render.h"
#include "framework/data/crop_marks.h"
#include "framework/data/draw_views.h"
#include "framework/data/glyphs.h"
#include "framework/data/view_words.h"

namespace nearfar {
namespace {

constexpr Rgb8 kHairline{205, 205, 205};
constexpr Rgb8 kEmptyCell{246, 246, 246};
constexpr Rgb8 kProblemCell{252, 238, 235};
constexpr Rgb8 kProblemInk{170, 40, 25};
constexpr int kFrame = 2;
constexpr int kCaptionGap = 7;

using Lines = std::vector<std::string>;

uint8_t to_byte(float value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0f, 1.0f) * 255.0f));
}

/// The view's pixels, each as a square of `zoom` pixels, with the upper left corner at (top, left).
void paste_view(const Image& image, const View& view, const RenderTarget& target, int zoom, int top,
                int left, Canvas& canvas) {
  RenderScratch scratch;
  const Size size = target.size;
  std::vector<float> pixels(static_cast<size_t>(size.height) * size.width * image.channels);
  render_view(image, view, target, scratch, pixels.data());
  const float* from = pixels.data();
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x, from += image.channels) {
      const bool color = image.channels == 3;
      fill(canvas, {top + y * zoom, left + x * zoom, zoom, zoom},
           {to_byte(from[0]), to_byte(from[color ? 1 : 0]), to_byte(from[color ? 2 : 0])});
    }
  }
}

/// The row's views, without their cells.
std::vector<SheetView> draw_row(const Sheet& sheet, const SheetRow& row) {
  std::vector<View> drawn;
  std::vector<SheetView> views;
  for (int repeat = 0; repeat < sheet.options.repeats; ++repeat) {
    draw_views(sheet.policies, sheet.options.seed, repeat, row.index, row.image, drawn);
    for (size_t policy = 0; policy < drawn.size(); ++policy) {
      views.push_back({repeat, policy, drawn[policy], view_words(drawn[policy], row.image), {}});
    }
  }
  return views;
}

/// The image's path inside the set, or its file and row: its end where it is very long.
Lines place_lines(const Sheet& sheet, const SheetRow& row) {
  const std::string& folder = sheet.dataset.info().path;
  std::string place = row.place;
  if (place.rfind(folder + "/", 0) == 0) place.erase(0, folder.size() + 1);
  place = printable(place);
  const int columns = sheet.layout.original_columns();
  const auto room = static_cast<size_t>(3 * columns);
  if (place.size() > room) place = "..." + place.substr(place.size() - room + 3);
  return wrap({place}, "", columns);
}

/// Size and class.
Lines fact_lines(const Sheet& sheet, const SheetRow& row) {
  Lines facts;
  if (row.problem.empty()) {
    facts.push_back(std::to_string(row.image.width) + "x" + std::to_string(row.image.height));
  }
  const int64_t label = sheet.dataset.label(row.index);
  if (label >= 0) {
    const auto& names = sheet.dataset.info().class_names;
    facts.push_back("class " + printable(names[static_cast<size_t>(label)]));
  }
  return wrap(facts, ", ", sheet.layout.original_columns());
}

/// What stands below an original.
struct Origin {
  Lines place;
  Lines facts;
  int lines() const { return 1 + static_cast<int>(place.size() + facts.size()); }
};

Origin origin_of(const Sheet& sheet, const SheetRow& row) {
  return {place_lines(sheet, row), fact_lines(sheet, row)};
}

void write_origin(Canvas& strip, int top, int left, int64_t index, const Origin& origin) {
  write_words(strip, top, left, "image " + std::to_string(index), kInk, Weight::bold);
  top += kSheetLine;
  write_block(strip, top, left, origin.place, kSheetLine, kInk);
  top += static_cast<int>(origin.place.size()) * kSheetLine;
  write_block(strip, top, left, origin.facts, kSheetLine, kFaintInk);
}

Lines caption_of(const Sheet& sheet, const SheetView& view) {
  return wrap(view.words, ", ", sheet.layout.view_columns(view.policy));
}

/// Where words below a cell of that height begin.
int caption_top(int cell_height) { return kFrame + cell_height + kCaptionGap; }

/// The strip of a readable image: tall enough for every cell and its words.
int strip_height(const Sheet& sheet, const SheetRow& row, Size original, const Origin& origin) {
  int bottom = caption_top(original.height) + origin.lines() * kSheetLine;
  for (const SheetView& view : row.views) {
    const auto lines = static_cast<int>(caption_of(sheet, view).size());
    bottom =
        std::max(bottom, caption_top(sheet.layout.view_side(view.policy)) + lines * kSheetLine);
  }
  return bottom;
}

/// Paints one view with its frame and its words.
void paint_view(const Sheet& sheet, const Image& image, SheetView& each, Canvas& strip) {
  const SheetLayout& layout = sheet.layout;
  const ViewPolicy& policy = sheet.policies[each.policy];
  const int side = layout.view_side(each.policy);
  each.cell = {kFrame, layout.view_left(each.repeat, each.policy), side, side};
  outline(strip, {0, each.cell.left - kFrame, side + 2 * kFrame, side + 2 * kFrame}, kFrame,
          policy_color(each.policy));
  paste_view(image, each.view, target_of(policy, Normalize{}), layout.zoom(), each.cell.top,
             each.cell.left, strip);
  write_block(strip, caption_top(side), each.cell.left, caption_of(sheet, each), kSheetLine, kInk,
              Weight::regular);
}

Canvas paint_image(const Sheet& sheet, const Image& image, SheetRow& row) {
  const SheetLayout& layout = sheet.layout;
  row.image = {image.full_height, image.full_width};
  row.views = draw_row(sheet, row);
  const Fit fit = fit_into(row.image, layout.original_side());
  const Origin origin = origin_of(sheet, row);
  Canvas strip = make_canvas(strip_height(sheet, row, fit.size, origin), layout.width(), kPaper);
  const View whole{{0, 0, row.image.height, row.image.width}};
  const Size rendered{fit.size.height / fit.zoom, fit.size.width / fit.zoom};
  for (int repeat = 0; repeat < sheet.options.repeats; ++repeat) {
    const int left = layout.original_left(repeat);
    paste_view(image, whole, {rendered, Interpolation::bilinear, Normalize{}}, fit.zoom, kFrame,
               left, strip);
    outline(strip, {kFrame - 1, left - 1, fit.size.height + 2, fit.size.width + 2}, 1, kHairline);
    row.originals.push_back({kFrame, left, fit.size.height, fit.size.width});
  }
  std::vector<CropMark> marks;
  for (SheetView& view : row.views) {
    paint_view(sheet, image, view, strip);
    marks.push_back(
        {shown_box(view.view.crop, row.image, fit.size, kFrame, layout.original_left(view.repeat)),
         view.policy});
  }
  draw_crop_marks(strip, std::move(marks));
  write_origin(strip, caption_top(fit.size.height), layout.original_left(0), row.index, origin);
  return strip;
}

/// The strip of an unreadable image: the reason in the place of the original.
Canvas paint_problem(const Sheet& sheet, const SheetRow& row) {
  const SheetLayout& layout = sheet.layout;
  const int side = layout.original_side();
  const Lines reason = wrap_text(printable(row.problem), layout.original_columns() - 2);
  const Origin origin = origin_of(sheet, row);
  const int cell = std::max(kSheetSmallest, static_cast<int>(reason.size() + 2) * kSheetLine);
  const int height = caption_top(cell) + origin.lines() * kSheetLine;
  Canvas strip = make_canvas(height, layout.width(), kPaper);
  for (int repeat = 0; repeat < sheet.options.repeats; ++repeat) {
    for (size_t v = 0; v < sheet.policies.size(); ++v) {
      const int view = std::min(cell, layout.view_side(v));
      fill(strip, {kFrame, layout.view_left(repeat, v), view, layout.view_side(v)}, kEmptyCell);
    }
    const int left = layout.original_left(repeat);
    fill(strip, {kFrame, left, cell, side}, kProblemCell);
    outline(strip, {kFrame, left, cell, side}, 1, kProblemInk);
    write_words(strip, kFrame + kGlyphWidth, left + kGlyphWidth, "unreadable", kProblemInk,
                Weight::bold);
    write_block(strip, kFrame + kGlyphWidth + kSheetLine, left + kGlyphWidth, reason, kSheetLine,
                kInk, Weight::regular);
  }
  write_origin(strip, caption_top(cell), layout.original_left(0), row.index, origin);
  return strip;
}

}  // namespace

Canvas paint_row(const Sheet& sheet, SheetRow& row) {
  PixelBuffer storage;
  Image image;
  try {
    image = sheet.dataset.read(row.index, storage);
  } catch (const BadImage& bad) {
    row.problem = bad.what();
    if (row.problem.rfind(row.place + ": ", 0) == 0) row.problem.erase(0, row.place.size() + 2);
    return paint_problem(sheet, row);
  }
  return paint_image(sheet, image, row);
}

}  // namespace nearfar
