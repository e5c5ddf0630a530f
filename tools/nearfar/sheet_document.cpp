// Documents of contact sheets.
#include "tools/nearfar/sheet_document.h"

#include <cstdio>

#include "framework/data/crop_marks.h"
#include "tools/nearfar/draws.h"

namespace nearfar {
namespace {

std::string hexadecimal(Rgb8 color) {
  char text[8];
  std::snprintf(text, sizeof(text), "#%02x%02x%02x", color.red, color.green, color.blue);
  return text;
}

Json image_document(const SheetRow& row) {
  Json image = Json::object();
  image["index"] = row.index;
  image["place"] = row.place;
  if (!row.problem.empty()) {
    image["problem"] = row.problem;
    return image;
  }
  image["height"] = row.image.height;
  image["width"] = row.image.width;
  image["originals"] = Json::array();
  for (const Box& original : row.originals) image["originals"].push_back(box_document(original));
  return image;
}

Json cell_document(const SheetView& view, int image) {
  Json cell = Json::object();
  std::string words;
  for (const std::string& word : view.words) words += (words.empty() ? "" : ", ") + word;
  cell["image"] = image;
  cell["epoch"] = view.repeat + 1;
  cell["words"] = words;
  cell["cell"] = box_document(view.cell);
  return cell;
}

}  // namespace

Json sheet_document(const ContactSheet& sheet, const std::vector<ViewPolicy>& policies) {
  Json document = Json::object();
  document["rows"] = static_cast<int64_t>(sheet.rows.size());
  document["zoom"] = sheet.zoom;
  for (const char* list : {"colors", "images", "draws", "cells"}) document[list] = Json::array();
  for (const SheetRow& row : sheet.rows) document["images"].push_back(image_document(row));
  for (size_t policy = 0; policy < policies.size(); ++policy) {
    std::vector<GivenView> views;
    Json cells = Json::array();
    for (size_t row = 0; row < sheet.rows.size(); ++row) {
      for (const SheetView& view : sheet.rows[row].views) {
        if (view.policy != policy) continue;
        views.push_back({static_cast<int>(row), view.view});
        cells.push_back(cell_document(view, static_cast<int>(row)));
      }
    }
    const auto side = static_cast<int>(policies[policy].size);
    document["colors"].push_back(hexadecimal(policy_color(policy)));
    document["draws"].push_back(
        draws_document({side, side}, policies[policy].interpolation, views));
    document["cells"].push_back(std::move(cells));
  }
  return document;
}

}  // namespace nearfar
