// The table of headlines with its intervals, and every further number.
#include "framework/report/evaluation_part.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

struct Source {
  const char* key;
  const char* name;
};
constexpr std::array<Source, 3> kSources = {
    {{"encoder", "encoder"}, {"untrained", "untrained"}, {"raw_pixels", "raw pixels"}}};

struct Headline {
  const char* key;
  const char* name;
};
constexpr std::array<Headline, 5> kHeadlines = {{{"top1", "top-1"},
                                                 {"map_at_r", "MAP@R"},
                                                 {"ami", "AMI"},
                                                 {"auc", "ROC AUC"},
                                                 {"dir", "DIR at FAR 0.1"}}};

/// The headline of one source in one row.
struct Measured {
  double value = 0.0, low = 0.0, high = 0.0, spread = 0.0;
  int64_t seeds = 1;
};

const Headline& headline_of(const Json& entry) {
  for (const Headline& headline : kHeadlines) {
    if (entry.find(headline.key) != nullptr) return headline;
  }
  throw ConfigError(entry.place() + ": evaluation: expected an entry with top1, map_at_r, ami, " +
                    "auc or dir");
}

const Json* entry_of(const Json& sources, const std::string& source, const std::string& labels) {
  const Json* fractions = sources.find(source);
  return fractions == nullptr ? nullptr : fractions->find(labels);
}

/// The member of that name where it is a number: what cannot be had is null in the document.
const Json* number_in(const Json& entry, const char* key) {
  const Json* value = entry.find(key);
  return value != nullptr && value->is_number() ? value : nullptr;
}

std::optional<Measured> measured(const Json* entry) {
  if (entry == nullptr) return std::nullopt;
  const Json* value = number_in(*entry, headline_of(*entry).key);
  if (value == nullptr) return std::nullopt;
  Measured result{value->as_double(), value->as_double(), value->as_double(), 0.0, 1};
  const Json* interval = entry->find("interval");
  if (interval != nullptr && interval->items().size() == 2 && interval->items()[0].is_number()) {
    result.low = interval->items()[0].as_double();
    result.high = interval->items()[1].as_double();
  }
  if (const Json* spread = number_in(*entry, "spread")) result.spread = spread->as_double();
  if (const Json* seeds = number_in(*entry, "seeds")) result.seeds = seeds->as_int();
  return result;
}

std::string percent(double fraction) { return format_fixed(100.0 * fraction, 1); }

std::string labels_text(const std::string& key) {
  char* end = nullptr;
  const double fraction = std::strtod(key.c_str(), &end);
  if (key.empty() || *end != '\0') {
    throw ConfigError("evaluation: expected a fraction of labels as key, found \"" + key + "\"");
  }
  return short_number(100.0 * fraction) + " %";
}

std::string value_cell(const std::optional<Measured>& one, bool strong) {
  if (!one) return "<td>-</td>";
  std::string text = percent(one->value);
  if (strong) text = element("strong", "", text);
  if (one->seeds > 1) {
    text += element("span", attribute("class", "quiet"), " ± " + percent(one->spread));
  }
  return element("td",
                 attribute("data-value", exact_number(one->value)) +
                     attribute("title", "95 %: " + percent(one->low) + " to " + percent(one->high)),
                 text);
}

using Row = std::array<std::optional<Measured>, kSources.size()>;

/// From the lowest to the highest end of the method's intervals.
struct Scale {
  double low = 1.0, high = 0.0;

  void include(const Row& row) {
    for (const auto& one : row) {
      if (!one) continue;
      low = std::min(low, one->low);
      high = std::max(high, one->high);
    }
  }
  double left_of(double value) const {
    return 6.0 + (value - low) / std::max(high - low, 1e-9) * 148.0;
  }
};

/// Intervals of the three sources below each other; the encoder's in the accent colour.
std::string interval_drawing(const Row& row, const Scale& scale) {
  std::string svg;
  for (size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) continue;
    const std::string y = format_fixed(6.0 + 8.0 * static_cast<double>(i), 0);
    const std::string kind = "class=\"source" + std::to_string(i) + "\"";
    svg += "<line " + kind + " x1=\"" + format_fixed(scale.left_of(row[i]->low), 1) + "\" x2=\"" +
           format_fixed(scale.left_of(row[i]->high), 1) + "\" y1=\"" + y + "\" y2=\"" + y +
           "\"/><circle " + kind + " r=\"3\" cx=\"" +
           format_fixed(scale.left_of(row[i]->value), 1) + "\" cy=\"" + y + "\"/>";
  }
  return element(
      "td", attribute("class", "drawing"),
      element("svg", attribute("viewBox", "0 0 160 28") + attribute("aria-hidden", "true"), svg));
}

std::string lead_cell(const Row& row) {
  double best = -1.0;
  for (size_t i = 1; i < row.size(); ++i) {
    if (row[i]) best = std::max(best, row[i]->value);
  }
  if (!row[0] || best < 0.0) return "<td>-</td>";
  const double lead = row[0]->value - best;
  return element("td",
                 attribute("class", lead > 0.0 ? "ahead" : "behind") +
                     attribute("data-value", exact_number(lead)),
                 (lead > 0.0   ? "▲ +"
                  : lead < 0.0 ? "▼ −"
                               : "") +
                     percent(std::abs(lead)));
}

std::string method_rows(const std::string& method, const Json& sources) {
  if (sources.members().empty()) return "";
  std::vector<std::pair<std::string, Row>> rows;
  Scale scale;
  std::string name;
  for (const auto& [labels, entry] : sources.members().front().second.members()) {
    Row row;
    for (size_t i = 0; i < kSources.size(); ++i) {
      row[i] = measured(entry_of(sources, kSources[i].key, labels));
    }
    scale.include(row);
    name = headline_of(entry).name;
    rows.emplace_back(labels, row);
  }
  std::string html;
  for (const auto& [labels, row] : rows) {
    html += element("tr", attribute("data-method", method) + attribute("data-labels", labels),
                    element("th", attribute("scope", "row"),
                            html_text(method) + " " +
                                element("span", attribute("class", "quiet"), html_text(name))) +
                        element("td", "", labels_text(labels)) + value_cell(row[0], true) +
                        value_cell(row[1], false) + value_cell(row[2], false) + lead_cell(row) +
                        interval_drawing(row, scale));
  }
  return html;
}

std::string heads(const std::vector<std::string>& names) {
  std::string row;
  for (const std::string& name : names) {
    row += element("th", attribute("scope", "col"), html_text(name));
  }
  return element("thead", "", element("tr", "", row));
}

/// Paths of the numbers below `value`, as "against_train.map_at_r".
void collect_numbers(const Json& value, const std::string& path, std::vector<std::string>& paths) {
  if (value.is_number() && std::find(paths.begin(), paths.end(), path) == paths.end()) {
    paths.push_back(path);
  }
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.members()) {
    if (path.empty() && key == "settings") continue;
    collect_numbers(member, path.empty() ? key : path + "\x1F" + key, paths);
  }
}

const Json* find_path(const Json* value, const std::string& path) {
  size_t begin = 0;
  while (value != nullptr && value->is_object() && begin <= path.size()) {
    const size_t end = std::min(path.find('\x1F', begin), path.size());
    value = value->find(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return value;
}

std::string measure_table(const std::string& method, const Json& sources) {
  const auto& first = sources.members().front().second.members();
  if (first.empty()) return "";
  const std::string& labels = first.front().first;
  std::vector<std::string> paths;
  for (const Source& source : kSources) {
    if (const Json* entry = entry_of(sources, source.key, labels))
      collect_numbers(*entry, "", paths);
  }
  std::string rows;
  for (const std::string& path : paths) {
    std::string name = path;
    std::replace(name.begin(), name.end(), '\x1F', '.');
    std::string cells = element("th", attribute("scope", "row"), html_text(name));
    for (const Source& source : kSources) {
      const Json* value = find_path(entry_of(sources, source.key, labels), path);
      const bool known = value != nullptr && value->is_number();
      cells += known ? element("td", attribute("data-value", exact_number(value->as_double())),
                               short_number(value->as_double()))
                     : "<td>-</td>";
    }
    rows += element("tr", "", cells);
  }
  return element("h3", "", html_text(method)) +
         element(
             "table", attribute("class", "numbers"),
             heads({"measure", "encoder", "untrained", "raw pixels"}) + element("tbody", "", rows));
}

}  // namespace

std::string evaluation_rows(const Json& document) {
  std::string rows;
  for (const auto& [method, sources] : document.at("methods").members()) {
    rows += method_rows(method, sources);
  }
  return element(
      "table", attribute("class", "numbers results"),
      heads({"method", "labels", "encoder", "untrained", "raw pixels", "lead", "95 % intervals"}) +
          element("tbody", "", rows));
}

std::string measure_tables(const Json& document) {
  std::string html;
  for (const auto& [method, sources] : document.at("methods").members()) {
    if (!sources.members().empty()) html += measure_table(method, sources);
  }
  return html;
}

}  // namespace nearfar
