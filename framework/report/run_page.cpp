// Puts the parts of a page together.
#include "framework/report/run_page.h"

#include <algorithm>

#include "framework/error.h"
#include "framework/log/quantities.h"
#include "framework/report/curves.h"
#include "framework/report/evaluation_part.h"
#include "framework/report/html.h"
#include "framework/report/run_facts.h"
#include "framework/report/settings_part.h"
#include "nearfar/report_assets.h"

namespace nearfar {
namespace {

/// One <section> with its place in the contents.
struct Section {
  std::string id, title, html;
};

std::vector<uint8_t> bytes_of_digits(const std::string& digits) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// No network, no script but the page's own; W3C Content Security Policy Level 3.
std::string policy() {
  return "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
         "style-src 'unsafe-inline'; script-src 'sha256-" +
         base64(bytes_of_digits(kPageScriptHash)) + "'";
}

std::string head(const RunPage& page) {
  std::string style = kPageStyle;
  if (page.map.thumbnails.side > 0) {
    const Picture& picture = page.map.thumbnails.picture;
    style +=
        ".thumbnail { background-image: url(" + data_uri(picture.type, picture.bytes) + "); }\n";
  }
  return "<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\"" +
         attribute("content", policy()) +
         ">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<link rel=\"icon\" href=\"data:,\">\n" +
         element("title", "", html_text(page.name + " - nearfar report")) + "\n" +
         element("style", "", style) + "\n</head>\n";
}

std::string scroll(const std::string& table) {
  return element("div", attribute("class", "card scroll"), table);
}

std::string facts_part(const RunPage& page) {
  std::string html;
  for (const Fact& fact : run_facts(page)) {
    html += element("div", "",
                    element("dt", "", html_text(fact.name)) +
                        element("dd", attribute("class", "value"), html_text(fact.value)) +
                        element("dd", attribute("class", "note"), html_text(fact.note)));
  }
  return html.empty() ? "" : element("dl", attribute("class", "facts"), html);
}

std::string remarks_part(const RunPage& page) {
  std::string html;
  for (const std::string& remark : page.remarks) html += element("p", "", html_text(remark));
  return html.empty() ? "" : element("div", attribute("class", "card remarks"), html);
}

std::string evaluation_html(const Json& evaluation) {
  const std::string details = measure_tables(evaluation);
  return "<p>Headline measures in %, ± their deviation over labelled subsets, beside the same "
         "network untrained and raw pixels. Lead: encoder minus the better baseline.</p>" +
         scroll(evaluation_rows(evaluation) +
                "<div class=\"sources\"><span>encoder</span><span>untrained</span>"
                "<span>raw pixels</span></div>") +
         (details.empty() ? ""
                          : element("details", attribute("class", "card"),
                                    "<summary>Every number</summary>" + details));
}

std::string classes_html(const Json& evaluation) {
  const std::string confusion = confusion_figure(evaluation);
  const std::string classes = class_table(evaluation);
  std::string html;
  if (!confusion.empty()) {
    html +=
        "<p>Rows are true classes, columns what they are taken for; blue is right, orange "
        "wrong.</p>" +
        scroll(confusion);
  }
  return html + (classes.empty() ? "" : scroll(classes));
}

std::string curves_html(const std::vector<PageChart>& charts) {
  std::string html;
  for (const PageChart& chart : charts) html += chart_figure(chart);
  return element("div", attribute("class", "charts"), html) +
         element("details", attribute("class", "card"),
                 "<summary>As a table</summary>" + curve_table(charts));
}

std::string map_html(const RunPage& page) {
  const std::string map = map_part(page.map, page.class_names);
  return map.empty() ? "" : element("p", "", html_text(page.images)) + map;
}

std::string neighbors_html(const RunPage& page) {
  const std::string rows = neighbors_part(page.neighbors, page.class_names);
  return rows.empty()
             ? ""
             : "<p>Each image beside the training images that lie nearest to it by cosine; "
               "✓ same class, ✗ another.</p>" +
                   rows;
}

std::string views_html(const Picture& views) {
  if (views.bytes.empty()) return "";
  return "<p>Images and the views of them that the network learned from.</p>" +
         element(
             "div", attribute("class", "card views"),
             "<img" + attribute("src", data_uri(views.type, views.bytes)) +
                 attribute("width", std::to_string(views.width)) +
                 attribute("height", std::to_string(views.height)) +
                 attribute("alt", "Originals with their crop boxes and the views drawn of them") +
                 ">");
}

std::vector<SettingRow> settings_of(const RunPage& page) {
  const Json* origins = page.environment.is_object() ? page.environment.find("origins") : nullptr;
  return setting_rows(page.config, page.defaults, origins == nullptr ? Json() : *origins);
}

std::vector<Section> sections_of(const RunPage& page, const std::vector<PageChart>& charts) {
  const bool judged = page.evaluation.is_object();
  std::vector<Section> all = {
      {"evaluation", "Evaluation", judged ? evaluation_html(page.evaluation) : ""},
      {"curves", "Curves", charts.empty() ? "" : curves_html(charts)},
      {"map", "Map of the embedding", map_html(page)},
      {"neighbours", "Nearest neighbours", neighbors_html(page)},
      {"classes", "Classes", judged ? classes_html(page.evaluation) : ""},
      {"views", "Views", views_html(page.views)},
      {"settings", "Settings", settings_part(settings_of(page))},
      {"environment", "Environment",
       page.environment.is_object() ? environment_part(page.environment) : ""}};
  std::erase_if(all, [](const Section& section) { return section.html.empty(); });
  return all;
}

std::string contents(const std::vector<Section>& sections) {
  std::string items;
  for (const Section& section : sections) {
    items += element("li", "", element("a", attribute("href", "#" + section.id), section.title));
  }
  return element("nav", attribute("aria-label", "Contents"), element("ul", "", items)) + "\n";
}

std::string scripts(const RunPage& page, const std::vector<PageChart>& charts) {
  std::string html;
  if (!charts.empty()) {
    Json curves = Json::object();
    for (const PageChart& chart : charts) curves[chart.id] = chart_data(chart);
    html += data_block("curve-data", curves) + "\n";
  }
  if (!page.map.label.empty()) {
    html += data_block("map-data", map_data(page.map, page.class_names)) + "\n";
  }
  return html + element("script", "", kPageScript) + "\n";
}

}  // namespace

std::string to_html(const RunPage& page) {
  const std::vector<PageChart> charts = log_charts(page.log);
  const std::vector<Section> sections = sections_of(page, charts);
  const std::string header =
      element("header", "",
              "<p class=\"kind\">nearfar report</p>" + element("h1", "", html_text(page.name)) +
                  element("p", attribute("class", "lead"), html_text(run_subtitle(page))));
  std::string main = facts_part(page) + remarks_part(page) + "\n";
  for (const Section& section : sections) {
    main += element("section", attribute("id", section.id),
                    element("h2", "", section.title) + section.html) +
            "\n";
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n" + head(page) + "<body>\n" + header +
         contents(sections) + element("main", "", main) +
         element("footer", "",
                 "Made by " + html_text(page.made_by) +
                     ". One file; it loads nothing and sends nothing.") +
         "\n" + scripts(page, charts) + "</body>\n</html>\n";
}

Json page_summary(const RunPage& page) {
  const std::vector<PageChart> charts = log_charts(page.log);
  Json sections = Json::array();
  for (const Section& section : sections_of(page, charts)) sections.push_back(section.id);
  Json curves = Json::array();
  for (const PageChart& chart : charts) curves.push_back(chart.title);
  Json remarks = Json::array();
  for (const std::string& remark : page.remarks) remarks.push_back(remark);
  int64_t settings = 0, changed = 0;
  for (const SettingRow& row : settings_of(page)) {
    ++settings;
    changed += row.changed ? 1 : 0;
  }
  return Json::object({{"sections", sections},
                       {"curves", curves},
                       {"settings", settings},
                       {"changed_settings", changed},
                       {"points", static_cast<int64_t>(page.map.label.size())},
                       {"neighbor_rows", static_cast<int64_t>(page.neighbors.drawn.size() +
                                                              page.neighbors.mistaken.size())},
                       {"remarks", remarks}});
}

}  // namespace nearfar
