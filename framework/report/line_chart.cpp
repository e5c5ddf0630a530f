// Curves, axes and legends in a coordinate system of 400 by 210 that the page scales.
#include "framework/report/line_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "framework/log/chart_axis.h"
#include "framework/log/quantities.h"
#include "framework/report/html.h"

namespace nearfar {
namespace {

// page.js knows the same frame.
constexpr double kLeft = 52.0, kRight = 392.0, kTop = 8.0, kBottom = 182.0;
constexpr size_t kColumns = 400;
constexpr size_t kColors = 4;  // of page.css for curves

struct Frame {
  ChartAxis x, y;

  double left_of(double step) const {
    return kLeft + (step - x.low) / (x.high - x.low) * (kRight - kLeft);
  }
  double top_of(double value) const {
    return kBottom - (value - y.low) / (y.high - y.low) * (kBottom - kTop);
  }
};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  ChartAxis axis(int intervals) const {
    return low <= high ? chart_axis(low, high, intervals) : chart_axis(0.0, 1.0, intervals);
  }
};

void check(const ChartSeries& series) {
  if (series.step.size() == series.value.size()) return;
  throw std::invalid_argument("chart: series \"" + series.name + "\": expected as many steps as " +
                              "values, got " + std::to_string(series.step.size()) + " and " +
                              std::to_string(series.value.size()));
}

std::vector<ChartSeries> drawn_series(const PageChart& chart) {
  std::vector<ChartSeries> all;
  for (const ChartSeries& series : chart.series) all.push_back(thinned(series, kColumns));
  return all;
}

/// The x axis ends with the data: a curve that stops short of a round number looks unfinished.
Frame frame_of(const PageChart& chart) {
  Range steps, values;
  for (const ChartSeries& series : chart.series) {
    check(series);
    for (const double step : series.step) steps.include(step);
    for (const double value : series.value) values.include(value);
  }
  if (chart.reference) values.include(chart.reference->value);
  Frame frame{steps.axis(5), values.axis(4)};
  if (steps.low < steps.high) {
    frame.x.low = steps.low;
    frame.x.high = steps.high;
  }
  return frame;
}

std::string pixel(double value) { return format_fixed(value, 1); }

std::string line(double x1, double y1, double x2, double y2, const char* kind) {
  return "<line class=\"" + std::string(kind) + "\" x1=\"" + pixel(x1) + "\" y1=\"" + pixel(y1) +
         "\" x2=\"" + pixel(x2) + "\" y2=\"" + pixel(y2) + "\"/>";
}

std::string words(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + pixel(x) + "\" y=\"" + pixel(y) + "\" text-anchor=\"" + anchor + "\">" +
         html_text(text) + "</text>";
}

std::string draw_axes(const Frame& frame) {
  std::string svg;
  for (size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double y = frame.top_of(frame.y.ticks[i]);
    svg += line(kLeft, y, kRight, y, "grid");
    svg += words(kLeft - 6.0, y + 3.5, "end", frame.y.labels[i]);
  }
  for (size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double x = frame.left_of(frame.x.ticks[i]);
    if (x < kLeft - 0.5 || x > kRight + 0.5) continue;
    svg += line(x, kBottom, x, kBottom + 4.0, "tick");
    const double tick = frame.x.ticks[i];
    const bool whole = tick == std::floor(tick) && std::abs(tick) < 1e15;
    svg += words(x, kBottom + 17.0, "middle",
                 whole ? format_count(std::llround(tick)) : frame.x.labels[i]);
  }
  return svg + line(kLeft, kBottom, kRight, kBottom, "tick");
}

std::string draw_reference(const ChartReference& reference, const Frame& frame) {
  if (!std::isfinite(reference.value)) return "";
  const double y = frame.top_of(reference.value);
  // Below the line where there is no room above it.
  return line(kLeft, y, kRight, y, "reference") +
         words(kRight, y < kTop + 14.0 ? y + 12.0 : y - 5.0, "end",
               reference.name + " " + short_number(reference.value));
}

std::string draw_series(const ChartSeries& series, const Frame& frame, size_t color) {
  const std::string kind = "class=\"s" + std::to_string(color % kColors) + "\"";
  std::string path, dots;
  bool pen_down = false;
  for (size_t i = 0; i < series.step.size(); ++i) {
    if (!std::isfinite(series.value[i])) {
      pen_down = false;
      continue;
    }
    const std::string x = pixel(frame.left_of(series.step[i]));
    const std::string y = pixel(frame.top_of(series.value[i]));
    const bool ends = i + 1 == series.step.size() || !std::isfinite(series.value[i + 1]);
    // A line through one point is invisible.
    if (!pen_down && ends)
      dots += "<circle " + kind + " cx=\"" + x + "\" cy=\"" + y + "\" r=\"2.5\"/>";
    path += (pen_down ? "L" : "M") + x + " " + y;
    pen_down = true;
  }
  if (path.empty()) return "";
  return "<path " + kind + " d=\"" + path + "\"/>" + dots;
}

/// "Loss: 6.29 at step 1, 4.60 at step 60", for those who hear the page.
std::string spoken(const PageChart& chart) {
  std::string text = chart.title;
  for (const ChartSeries& series : chart.series) {
    if (series.step.empty()) continue;
    text += "; " + series.name + ": " + short_number(series.value.front()) + " at step " +
            short_number(series.step.front()) + ", " + short_number(series.value.back()) +
            " at step " + short_number(series.step.back());
  }
  return text;
}

std::string legend(const PageChart& chart) {
  if (chart.series.size() < 2) return "";
  std::string names;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    names += element("span", attribute("class", "key s" + std::to_string(i % kColors)),
                     html_text(chart.series[i].name));
  }
  return element("span", attribute("class", "keys"), names);
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? Json(value) : Json());
  return list;
}

}  // namespace

ChartSeries thinned(const ChartSeries& series, size_t columns) {
  check(series);
  const size_t count = series.step.size();
  if (count <= 2 * columns) return series;
  ChartSeries kept{series.name, {}, {}};
  const auto keep = [&](size_t i) {
    kept.step.push_back(series.step[i]);
    kept.value.push_back(series.value[i]);
  };
  const double first = series.step.front();
  const double span = std::max(series.step.back() - first, 1e-300);
  const auto column = [&](size_t i) {
    return std::min(columns - 1, static_cast<size_t>((series.step[i] - first) / span *
                                                     static_cast<double>(columns)));
  };
  for (size_t begin = 0, end = 0; begin < count; begin = end) {
    size_t lowest = begin, highest = begin;
    for (end = begin + 1; end < count && std::isfinite(series.value[begin]) &&
                          std::isfinite(series.value[end]) && column(end) == column(begin);
         ++end) {
      if (series.value[end] < series.value[lowest]) lowest = end;
      if (series.value[end] > series.value[highest]) highest = end;
    }
    keep(std::min(lowest, highest));
    if (lowest != highest) keep(std::max(lowest, highest));
  }
  return kept;
}

std::string chart_figure(const PageChart& chart) {
  const Frame frame = frame_of(chart);
  std::string svg = draw_axes(frame);
  if (chart.reference) svg += draw_reference(*chart.reference, frame);
  const std::vector<ChartSeries> series = drawn_series(chart);
  for (size_t i = 0; i < series.size(); ++i) svg += draw_series(series[i], frame, i);
  const std::string caption =
      element("figcaption", "",
              element("strong", "", html_text(chart.title)) +
                  element("output", attribute("class", "reading"), "") + legend(chart) +
                  element("small", "", html_text(chart.note)));
  return element("figure", attribute("class", "card chart") + attribute("data-chart", chart.id),
                 caption + element("svg",
                                   attribute("viewBox", "0 0 400 210") + attribute("role", "img") +
                                       attribute("aria-label", spoken(chart)),
                                   svg)) +
         "\n";
}

Json chart_data(const PageChart& chart) {
  const Frame frame = frame_of(chart);
  Json series = Json::array();
  for (const ChartSeries& one : drawn_series(chart)) {
    series.push_back(Json::object(
        {{"name", one.name}, {"step", numbers(one.step)}, {"value", numbers(one.value)}}));
  }
  return Json::object({{"series", series},
                       {"x", numbers({frame.x.low, frame.x.high})},
                       {"y", numbers({frame.y.low, frame.y.high})}});
}

}  // namespace nearfar
