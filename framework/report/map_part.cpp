// The map of embeddings: one SVG whose points move between layouts by style sheet alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "framework/log/quantities.h"
#include "framework/report/embedding_map.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

constexpr double kWidth = 1000.0, kHeight = 700.0;
constexpr int64_t kMargin = 24;
constexpr size_t kColors = 8, kShapes = 5;

/// Outlines of about equal area around the origin, for a point of the map.
constexpr std::array<const char*, kShapes> kOutlines = {
    "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0 -14 0z",                       // circle
    "M-6.2 -6.2h12.4v12.4h-12.4z",                                 // square
    "M0 -9L8.4 6H-8.4z",                                           // triangle
    "M0 -9L9 0L0 9L-9 0z",                                         // diamond
    "M-2.6 -8h5.2v5.4h5.4v5.2h-5.4v5.4h-5.2v-5.4h-5.4v-5.2h5.4z",  // plus
};

/// 8 colours and 5 shapes have no common divisor: 40 classes get marks of their own, and
/// neighbours in the list differ in both.
std::string color_of(int64_t label) {
  const size_t index = label < 0 ? 0 : static_cast<size_t>(label);
  return "s" + std::to_string(index % kColors);
}
size_t shape_of(int64_t label) { return label < 0 ? 0 : static_cast<size_t>(label) % kShapes; }

std::string shape_definitions() {
  std::string shapes;
  for (size_t i = 0; i < kOutlines.size(); ++i) {
    shapes += "<path id=\"shape" + std::to_string(i) + "\" d=\"" + kOutlines[i] + "\"/>";
  }
  return element("defs", "", shapes);
}

struct Drawn {
  std::vector<int64_t> x, y;  // in [0, kWidth] and [0, height]
  int64_t height = 0;
};

/// Both axes on one scale: distances keep their proportions. The y axis points up.
Drawn fit(const MapLayout& layout) {
  const auto [x_low, x_high] = std::minmax_element(layout.x.begin(), layout.x.end());
  const auto [y_low, y_high] = std::minmax_element(layout.y.begin(), layout.y.end());
  const double scale = std::min(kWidth / std::max(*x_high - *x_low, 1e-300),
                                kHeight / std::max(*y_high - *y_low, 1e-300));
  const double left = (kWidth - scale * (*x_high - *x_low)) / 2.0;
  Drawn drawn;
  for (size_t i = 0; i < layout.x.size(); ++i) {
    drawn.x.push_back(std::llround(left + scale * (layout.x[i] - *x_low)));
    drawn.y.push_back(std::llround(scale * (*y_high - layout.y[i])));
  }
  drawn.height = std::llround(scale * (*y_high - *y_low));
  return drawn;
}

/// All layouts in one frame, as high as the highest of them; the others stand in its middle.
struct Plane {
  std::vector<Drawn> layouts;
  int64_t height = 0;
};

Plane fit_all(const EmbeddingMap& map) {
  Plane plane;
  for (const MapLayout& layout : map.layouts) {
    plane.layouts.push_back(fit(layout));
    plane.height = std::max(plane.height, plane.layouts.back().height);
  }
  for (Drawn& drawn : plane.layouts) {
    for (int64_t& y : drawn.y) y += (plane.height - drawn.height) / 2;
  }
  return plane;
}

std::string view_box(const Plane& plane) {
  const auto edge = std::to_string(-kMargin);
  return edge + " " + edge + " " + std::to_string(std::llround(kWidth) + 2 * kMargin) + " " +
         std::to_string(plane.height + 2 * kMargin);
}

/// Each point carries its place in every layout; the style sheet says which one counts.
std::string points(const EmbeddingMap& map, const std::vector<Drawn>& layouts) {
  std::string svg;
  for (size_t i = 0; i < map.label.size(); ++i) {
    std::string places;
    for (size_t k = 0; k < layouts.size(); ++k) {
      places += "--x" + std::to_string(k) + ":" + std::to_string(layouts[k].x[i]) + "px;--y" +
                std::to_string(k) + ":" + std::to_string(layouts[k].y[i]) + "px;";
    }
    svg += "<use href=\"#shape" + std::to_string(shape_of(map.label[i])) + "\" class=\"" +
           color_of(map.label[i]) + "\" style=\"" + places + "\"/>\n";
  }
  return svg;
}

std::string layout_choice(const EmbeddingMap& map) {
  std::string html;
  for (size_t k = 0; k < map.layouts.size(); ++k) {
    const std::string id = "layout" + std::to_string(k);
    html += "<input type=\"radio\" name=\"layout\"" + attribute("id", id) +
            (k == 0 ? " checked" : "") + ">" +
            element("label", attribute("for", id), html_text(map.layouts[k].name));
  }
  std::string notes;
  for (size_t k = 0; k < map.layouts.size(); ++k) {
    notes += element("p", attribute("class", "note layout" + std::to_string(k)),
                     html_text(map.layouts[k].note));
  }
  return element("div",
                 attribute("class", "choice") + attribute("role", "radiogroup") +
                     attribute("aria-label", "layout"),
                 html) +
         notes;
}

std::string legend(const EmbeddingMap& map, const std::vector<std::string>& class_names) {
  std::string items;
  for (size_t c = 0; c < class_names.size(); ++c) {
    const auto label = static_cast<int64_t>(c);
    const auto count = std::count(map.label.begin(), map.label.end(), label);
    if (count == 0) continue;
    const std::string mark = element("svg", attribute("viewBox", "-10 -10 20 20"),
                                     "<use href=\"#shape" + std::to_string(shape_of(label)) +
                                         "\" class=\"" + color_of(label) + "\"/>");
    items +=
        element("li", "",
                element("button",
                        attribute("type", "button") + attribute("data-class", std::to_string(c)) +
                            attribute("aria-pressed", "false"),
                        mark + element("span", "", html_text(class_names[c])) +
                            element("span", attribute("class", "quiet"), std::to_string(count))));
  }
  return items.empty() ? "" : element("ul", attribute("class", "legend"), items);
}

Json whole_numbers(const std::vector<int64_t>& values) {
  Json list = Json::array();
  for (const int64_t value : values) list.push_back(value);
  return list;
}

Json texts(const std::vector<std::string>& values) {
  Json list = Json::array();
  for (const std::string& value : values) list.push_back(value);
  return list;
}

}  // namespace

std::string map_part(const EmbeddingMap& map, const std::vector<std::string>& class_names) {
  if (map.label.empty() || map.layouts.empty()) return "";
  const Plane fitted = fit_all(map);
  const std::string plane = element(
      "svg",
      attribute("class", "plane") + attribute("viewBox", view_box(fitted)) +
          attribute("role", "img") +
          attribute("aria-label", "Map of " + format_count(static_cast<int64_t>(map.label.size())) +
                                      " images by their embeddings"),
      shape_definitions() + points(map, fitted.layouts));
  const std::string card =
      element("div", attribute("class", "hover") + attribute("id", "map-hover") + " hidden",
              element("div", attribute("class", "thumbnail"), "") +
                  element("p", attribute("class", "name"), "") +
                  element("p", attribute("class", "quiet"), ""));
  return element(
      "div", attribute("class", "card map"),
      layout_choice(map) + element("div", attribute("class", "ground"),
                                   element("div", attribute("class", "frame"), plane + card) +
                                       legend(map, class_names)));
}

Json map_data(const EmbeddingMap& map, const std::vector<std::string>& class_names) {
  Json layouts = Json::array();
  for (const Drawn& drawn : fit_all(map).layouts) {
    layouts.push_back(Json::object({{"x", whole_numbers(drawn.x)}, {"y", whole_numbers(drawn.y)}}));
  }
  return Json::object({{"layouts", layouts},
                       {"label", whole_numbers(map.label)},
                       {"place", texts(map.place)},
                       {"classes", texts(class_names)},
                       {"side", map.thumbnails.side},
                       {"columns", map.thumbnails.columns}});
}

}  // namespace nearfar
