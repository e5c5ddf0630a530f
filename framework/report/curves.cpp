// From the lines of log.jsonl to charts.
#include "framework/report/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "framework/report/html.h"

namespace nearfar {
namespace {

struct KnownChart {
  const char* title;
  const char* note;
  std::vector<std::pair<const char*, const char*>> curves;  // key and name
};

const std::vector<KnownChart>& known_charts() {
  static const std::vector<KnownChart> charts = {
      {"Loss", "below the dashed line: better than chance", {{"loss", "loss"}}},
      {"Online evaluation",
       "top-1 on held-out images during training",
       {{"online_knn", "kNN"}, {"online_linear", "linear"}}},
      {"Time of online evaluation", "seconds", {{"online_seconds", "seconds"}}},
      {"Similarity of pairs",
       "cosine of two views of one image, of two images",
       {{"positive_similarity", "same image"}, {"negative_similarity", "different images"}}},
      {"Spread of the embeddings",
       "1: all over the sphere; 0: collapsed",
       {{"embedding_std", "standard deviation"}}},
      {"Effective rank",
       "directions that the embeddings make use of",
       {{"effective_rank", "effective rank"}}},
      {"Alignment", "lower: views of one image lie closer", {{"alignment", "alignment"}}},
      {"Uniformity", "lower: more evenly over the sphere", {{"uniformity", "uniformity"}}},
      {"Learning rate", "", {{"learning_rate", "learning rate"}}},
      {"Gradient norm", "", {{"grad_norm", "gradient norm"}}},
      {"Speed", "images per second", {{"images_per_second", "images/s"}}},
      {"Waiting for data", "share of the time without images", {{"data_wait_fraction", "share"}}},
  };
  return charts;
}

bool tells_the_time(const std::string& key) {
  constexpr std::array<std::string_view, 4> kKeys = {"step", "epoch", "time", "random_guess_loss"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

/// The curve of one key; empty when no line has a number there.
ChartSeries curve_of(const std::vector<Json>& log, const std::string& key,
                     const std::string& name) {
  ChartSeries series{name, {}, {}};
  bool any = false;
  for (const Json& line : log) {
    const Json* step = line.find("step");
    const Json* value = line.find(key);
    if (step == nullptr || !step->is_number() || value == nullptr) continue;
    if (!value->is_number() && value->kind() != Json::Kind::null) continue;
    any = any || value->is_number();
    series.step.push_back(step->as_double());
    series.value.push_back(value->is_number() ? value->as_double()
                                              : std::numeric_limits<double>::quiet_NaN());
  }
  return any ? series : ChartSeries{name, {}, {}};
}

void add_chart(std::vector<PageChart>& charts, PageChart chart) {
  if (chart.series.empty()) return;
  chart.id = "chart_" + std::to_string(charts.size());
  charts.push_back(std::move(chart));
}

/// Random guessing changes only where the size of the batch does: the last line's value.
void add_reference(PageChart& chart, const std::vector<Json>& log) {
  for (auto line = log.rbegin(); line != log.rend(); ++line) {
    const Json* guess = line->find("random_guess_loss");
    if (guess == nullptr || !guess->is_number()) continue;
    chart.reference = ChartReference{"random guess", guess->as_double()};
    return;
  }
}

std::vector<std::string> other_keys(const std::vector<Json>& log) {
  std::vector<std::string> known, others;
  for (const KnownChart& chart : known_charts()) {
    for (const auto& curve : chart.curves) known.emplace_back(curve.first);
  }
  for (const Json& line : log) {
    for (const auto& [key, value] : line.members()) {
      const bool seen = std::find(known.begin(), known.end(), key) != known.end();
      if (seen || tells_the_time(key) || !value.is_number()) continue;
      known.push_back(key);
      others.push_back(key);
    }
  }
  return others;
}

std::string number_cell(double value) {
  return element("td", attribute("data-value", exact_number(value)),
                 html_text(short_number(value)));
}

std::string curve_row(const PageChart& chart, const ChartSeries& series) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : series.value) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const std::string name = chart.series.size() > 1 ? chart.title + ": " + series.name : chart.title;
  return element("tr", "",
                 element("th", attribute("scope", "row"), html_text(name)) +
                     number_cell(series.value.front()) + number_cell(low) + number_cell(high) +
                     number_cell(series.value.back()));
}

}  // namespace

std::vector<PageChart> log_charts(const std::vector<Json>& log) {
  std::vector<PageChart> charts;
  for (const KnownChart& known : known_charts()) {
    PageChart chart{"", known.title, known.note, {}, {}};
    for (const auto& [key, name] : known.curves) {
      ChartSeries series = curve_of(log, key, name);
      if (!series.step.empty()) chart.series.push_back(std::move(series));
    }
    if (std::string_view(known.title) == "Loss") add_reference(chart, log);
    add_chart(charts, std::move(chart));
  }
  for (const std::string& key : other_keys(log)) {
    add_chart(charts, {"", key, "", {curve_of(log, key, key)}, {}});
  }
  return charts;
}

std::string curve_table(const std::vector<PageChart>& charts) {
  std::string rows;
  for (const PageChart& chart : charts) {
    for (const ChartSeries& series : chart.series) rows += curve_row(chart, series);
  }
  std::string heads;
  for (const char* head : {"quantity", "first", "lowest", "highest", "last"}) {
    heads += element("th", attribute("scope", "col"), head);
  }
  return element("table", attribute("class", "numbers"),
                 element("thead", "", element("tr", "", heads)) + element("tbody", "", rows));
}

}  // namespace nearfar
