// Settings and environment of a run as tables.
#include "framework/report/settings_part.h"

#include <algorithm>

#include "framework/report/html.h"

namespace nearfar {
namespace {

/// As words on one line: strings without quotes.
std::string plain_text(const Json& value) {
  return value.is_string() ? value.as_string() : to_text(value, -1);
}

void collect(const Json& config, const Json* defaults, const Json& origins,
             const std::string& prefix, std::vector<SettingRow>& rows) {
  for (const auto& [name, value] : config.members()) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    const Json* usual =
        defaults == nullptr || !defaults->is_object() ? nullptr : defaults->find(name);
    if (value.is_object()) {
      collect(value, usual, origins, key, rows);
      continue;
    }
    SettingRow row{key, to_text(value, -1), usual == nullptr ? "" : to_text(*usual, -1), "", false};
    row.changed = usual == nullptr || !(*usual == value);
    const Json* origin = origins.is_object() ? origins.find(key) : nullptr;
    if (origin != nullptr) row.origin = plain_text(*origin);
    if (row.changed && row.origin.empty() && origins.is_object()) row.origin = "chosen by nearfar";
    rows.push_back(std::move(row));
  }
}

std::string code(const std::string& text) { return element("code", "", html_text(text)); }

std::string table(const std::vector<SettingRow>& rows, bool with_change) {
  std::string body;
  for (const SettingRow& row : rows) {
    std::string cells = element("th", attribute("scope", "row"), code(row.key)) +
                        element("td", "", code(row.value));
    if (with_change) {
      cells += element("td", "", row.usual.empty() ? "" : code(row.usual)) +
               element("td", "", html_text(row.origin));
    }
    body += element("tr", attribute("data-key", row.key), cells);
  }
  const std::string heads =
      "<th scope=\"col\">key</th><th scope=\"col\">value</th>" +
      std::string(with_change ? "<th scope=\"col\">default</th><th scope=\"col\">from</th>" : "");
  return element("table", attribute("class", "settings"),
                 element("thead", "", element("tr", "", heads)) + element("tbody", "", body));
}

}  // namespace

std::vector<SettingRow> setting_rows(const Json& config, const Json& defaults,
                                     const Json& origins) {
  std::vector<SettingRow> rows;
  if (config.is_object()) collect(config, &defaults, origins, "", rows);
  return rows;
}

std::string settings_part(const std::vector<SettingRow>& rows) {
  std::vector<SettingRow> changed;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(changed),
               [](const SettingRow& row) { return row.changed; });
  const std::string first =
      changed.empty() ? element("p", "", "Every setting has its default.") : table(changed, true);
  return element("div", attribute("class", "card"), first) +
         element("details", attribute("class", "card"),
                 element("summary", "", "All " + std::to_string(rows.size()) + " settings") +
                     table(rows, false));
}

std::string environment_part(const Json& environment) {
  std::string body;
  for (const auto& [name, value] : environment.members()) {
    if (name == "origins") continue;
    body += element("tr", "",
                    element("th", attribute("scope", "row"), html_text(name)) +
                        element("td", "", html_text(plain_text(value))));
  }
  return element("div", attribute("class", "card"),
                 element("table", attribute("class", "settings"), element("tbody", "", body)));
}

}  // namespace nearfar
