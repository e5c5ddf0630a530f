// Rows of images beside those that the encoder finds most like them.
#include "framework/log/quantities.h"
#include "framework/report/embedding_map.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

std::string class_name(const ShownImage& image, const std::vector<std::string>& names) {
  if (image.label < 0 || static_cast<size_t>(image.label) >= names.size()) return "";
  return names[static_cast<size_t>(image.label)];
}

std::string picture(const ShownImage& image, const std::string& words) {
  return "<img" + attribute("src", data_uri(image.picture.type, image.picture.bytes)) +
         attribute("width", std::to_string(image.picture.width)) +
         attribute("height", std::to_string(image.picture.height)) + attribute("alt", words) +
         attribute("title", words + " " + image.place) + ">";
}

std::string figure(const ShownImage& image, const std::string& kind, const std::string& name,
                   const std::string& below) {
  return element("figure", attribute("class", kind),
                 picture(image, name.empty() ? "image" : name) + element("figcaption", "", below));
}

std::string neighbor(const ShownImage& query, const ShownImage& image,
                     const std::vector<std::string>& names) {
  const std::string name = class_name(image, names);
  const bool judged = query.label >= 0 && image.label >= 0;
  const bool agrees = judged && query.label == image.label;
  const std::string mark = !judged ? "" : agrees ? "✓ " : "✗ ";
  const std::string below = element("span", attribute("data-value", exact_number(image.similarity)),
                                    mark + format_fixed(image.similarity, 3)) +
                            element("span", attribute("class", "quiet"), html_text(name));
  return figure(image, !judged ? "plain" : agrees ? "agrees" : "differs", name, below);
}

std::string row(const NeighborRow& one, const std::vector<std::string>& names) {
  const std::string name = class_name(one.query, names);
  std::string html = figure(one.query, "query", name,
                            element("strong", "", name.empty() ? "query" : html_text(name)));
  for (const ShownImage& image : one.neighbors) html += neighbor(one.query, image, names);
  return element("div", attribute("class", "row"), html) + "\n";
}

std::string rows(const std::vector<NeighborRow>& all, const std::vector<std::string>& names) {
  std::string html;
  for (const NeighborRow& one : all) html += row(one, names);
  return element("div", attribute("class", "card rows"), html);
}

}  // namespace

std::string neighbors_part(const NeighborPart& part, const std::vector<std::string>& class_names) {
  std::string html;
  if (!part.drawn.empty()) {
    html += element("h3", "", "Drawn at random") + rows(part.drawn, class_names);
  }
  if (!part.mistaken.empty()) {
    html += element("h3", "", "Where neighbours mislead most") + rows(part.mistaken, class_names);
  }
  return html;
}

}  // namespace nearfar
