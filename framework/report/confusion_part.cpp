// Classes: how many of each are told right, and which are taken for which.
#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/report/evaluation_part.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

constexpr size_t kNumbersUpTo = 15;  // classes whose counts fit into the cells
constexpr size_t kNamesUpTo = 60;
constexpr size_t kMostPairs = 10;

/// The entry of the encoder with the most labels that has `key`, of the first such method.
struct Found {
  std::string method;
  const Json* sources = nullptr;
  std::string labels;
};

Found find_entry(const Json& document, const char* key) {
  for (const auto& [method, sources] : document.at("methods").members()) {
    const Json* encoder = sources.find("encoder");
    if (encoder == nullptr) continue;
    for (const auto& [labels, entry] : encoder->members()) {
      if (entry.find(key) != nullptr) return {method, &sources, labels};
    }
  }
  return {};
}

std::vector<std::string> class_names(const Json& document) {
  std::vector<std::string> names;
  for (const Json& name : document.at("data").at("classes").items()) {
    names.push_back(name.as_string());
  }
  return names;
}

std::string name_of(const std::vector<std::string>& names, size_t index) {
  return index < names.size() ? names[index] : std::to_string(index);
}

std::string share_cell(const Json* list, size_t index) {
  if (list == nullptr || index >= list->items().size() || !list->items()[index].is_number()) {
    return "<td>-</td>";
  }
  const double share = list->items()[index].as_double();
  const std::string percent = format_fixed(100.0 * share, 1);
  return element("td",
                 attribute("class", "bar") + attribute("data-value", exact_number(share)) +
                     attribute("style", "--share:" + percent + "%"),
                 percent);
}

struct Confusion {
  std::vector<std::vector<int64_t>> counts;  // [true][predicted]
  std::vector<int64_t> totals;               // of each row
};

Confusion read_confusion(const Json& rows) {
  Confusion confusion;
  for (const Json& row : rows.items()) {
    std::vector<int64_t> counts;
    int64_t total = 0;
    for (const Json& count : row.items()) {
      counts.push_back(count.as_int());
      total += counts.back();
    }
    if (counts.size() != rows.items().size()) {
      throw ConfigError(row.place() + ": confusion: expected " +
                        std::to_string(rows.items().size()) + " numbers, found " +
                        std::to_string(counts.size()));
    }
    confusion.counts.push_back(std::move(counts));
    confusion.totals.push_back(total);
  }
  return confusion;
}

double share_of(const Confusion& confusion, size_t row, size_t column) {
  return static_cast<double>(confusion.counts[row][column]) /
         static_cast<double>(std::max<int64_t>(confusion.totals[row], 1));
}

std::string sentence(const Confusion& confusion, const std::vector<std::string>& names, size_t row,
                     size_t column) {
  return name_of(names, row) + (row == column ? " told right: " : " taken for ") +
         (row == column ? "" : name_of(names, column) + ": ") +
         format_count(confusion.counts[row][column]) + " of " +
         format_count(confusion.totals[row]) + " (" +
         format_fixed(100.0 * share_of(confusion, row, column), 1) + " %)";
}

std::string number(double value) { return format_fixed(value, 1); }

/// One cell: shaded by its share, the square root of it so that rare mistakes show.
std::string cell(const Confusion& confusion, const std::vector<std::string>& names, size_t row,
                 size_t column, double side, double left) {
  const double x = left + side * static_cast<double>(column);
  const double y = left + side * static_cast<double>(row);
  const double shade = std::sqrt(share_of(confusion, row, column));
  std::string svg =
      "<rect class=\"" + std::string(row == column ? "right" : "wrong") + "\" x=\"" + number(x) +
      "\" y=\"" + number(y) + "\" width=\"" + number(side - 1.0) + "\" height=\"" +
      number(side - 1.0) + "\" fill-opacity=\"" + format_fixed(shade, 3) + "\">" +
      element("title", "", html_text(sentence(confusion, names, row, column))) + "</rect>";
  if (confusion.counts.size() <= kNumbersUpTo) {
    svg += "<text class=\"" + std::string(shade > 0.6 ? "on" : "off") + "\" x=\"" +
           number(x + side / 2.0) + "\" y=\"" + number(y + side / 2.0 + 3.5) +
           "\" text-anchor=\"middle\">" + std::to_string(confusion.counts[row][column]) + "</text>";
  }
  return svg;
}

/// The name cut to what fits beside the matrix; `letters` of its code points at most.
std::string cut(const std::string& name, size_t letters) {
  size_t bytes = 0, seen = 0;
  while (bytes < name.size() && seen < letters) {
    ++bytes;
    while (bytes < name.size() && (static_cast<unsigned char>(name[bytes]) & 0xC0) == 0x80) ++bytes;
    ++seen;
  }
  return bytes < name.size() ? name.substr(0, bytes) + "…" : name;
}

std::string names_along(const std::vector<std::string>& names, size_t count, double side,
                        double left) {
  std::string svg;
  const std::string size = number(std::min(11.0, side * 0.8));
  for (size_t i = 0; i < count; ++i) {
    const double middle = left + side * (static_cast<double>(i) + 0.5);
    const std::string name = html_text(cut(name_of(names, i), 14));
    const std::string before = number(left - 5.0);
    svg += "<text font-size=\"" + size + "\" text-anchor=\"end\" x=\"" + before + "\" y=\"" +
           number(middle + 3.5) + "\">" + name + "</text>";
    svg += "<text font-size=\"" + size + "\" transform=\"translate(" + number(middle + 3.5) + " " +
           before + ") rotate(-60)\">" + name + "</text>";
  }
  return svg;
}

std::string matrix(const Confusion& confusion, const std::vector<std::string>& names) {
  const size_t count = confusion.counts.size();
  const double left = count <= kNamesUpTo ? 96.0 : 16.0;
  const double side = (560.0 - left) / static_cast<double>(std::max<size_t>(count, 4));
  std::string svg;
  for (size_t row = 0; row < count; ++row) {
    for (size_t column = 0; column < count; ++column) {
      if (confusion.counts[row][column] > 0 || count <= kNumbersUpTo) {
        svg += cell(confusion, names, row, column, side, left);
      }
    }
  }
  if (count <= kNamesUpTo) svg += names_along(names, count, side, left);
  const double extent = left + side * static_cast<double>(count) + 8.0;
  return element("svg",
                 attribute("class", "confusion") +
                     attribute("viewBox", "0 0 " + number(extent + 24.0) + " " + number(extent)) +
                     attribute("role", "img") +
                     attribute("aria-label", "Confusion matrix: rows true, columns predicted"),
                 svg);
}

std::string confused_pairs(const Confusion& confusion, const std::vector<std::string>& names) {
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t row = 0; row < confusion.counts.size(); ++row) {
    for (size_t column = 0; column < confusion.counts.size(); ++column) {
      if (row != column && confusion.counts[row][column] > 0) pairs.emplace_back(row, column);
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [&confusion](const auto& a, const auto& b) {
    return confusion.counts[a.first][a.second] > confusion.counts[b.first][b.second];
  });
  pairs.resize(std::min(pairs.size(), kMostPairs));
  std::string rows;
  for (const auto& [row, column] : pairs) {
    const int64_t count = confusion.counts[row][column];
    rows += element(
        "tr", "",
        element("th", attribute("scope", "row"), html_text(name_of(names, row))) +
            element("td", "", html_text(name_of(names, column))) +
            element("td", attribute("data-value", std::to_string(count)), format_count(count)) +
            element("td", "", format_fixed(100.0 * share_of(confusion, row, column), 1) + " %"));
  }
  return element("table", attribute("class", "numbers pairs"),
                 "<thead><tr><th scope=\"col\">true</th><th scope=\"col\">taken for</th>"
                 "<th scope=\"col\">images</th><th scope=\"col\">of its class</th></tr></thead>" +
                     element("tbody", "", rows));
}

}  // namespace

std::string class_table(const Json& document) {
  const Found found = find_entry(document, "per_class");
  if (found.sources == nullptr) return "";
  const std::vector<std::string> names = class_names(document);
  std::vector<const Json*> lists;
  for (const char* source : {"encoder", "untrained", "raw_pixels"}) {
    const Json* fractions = found.sources->find(source);
    const Json* entry = fractions == nullptr ? nullptr : fractions->find(found.labels);
    lists.push_back(entry == nullptr ? nullptr : entry->find("per_class"));
  }
  std::string rows;
  for (size_t i = 0; i < lists.front()->items().size(); ++i) {
    std::string cells = element("th", attribute("scope", "row"), html_text(name_of(names, i)));
    for (const Json* list : lists) cells += share_cell(list, i);
    rows += element("tr", "", cells);
  }
  return element(
      "table", attribute("class", "numbers classes"),
      element("caption", "", html_text(found.method) + ": right answers by class, in %") +
          "<thead><tr><th scope=\"col\">class</th><th scope=\"col\">encoder</th>"
          "<th scope=\"col\">untrained</th><th scope=\"col\">raw pixels</th></tr></thead>" +
          element("tbody", "", rows));
}

std::string confusion_figure(const Json& document) {
  const Found found = find_entry(document, "confusion");
  if (found.sources == nullptr) return "";
  const Confusion confusion =
      read_confusion(found.sources->at("encoder").at(found.labels).at("confusion"));
  const std::vector<std::string> names = class_names(document);
  return element("div", attribute("class", "pair"),
                 matrix(confusion, names) + confused_pairs(confusion, names));
}

}  // namespace nearfar
