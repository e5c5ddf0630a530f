// Coordinates with one decimal, so that the text is small and the same everywhere.
#include "framework/log/svg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "framework/json/utf8.h"
#include "framework/log/chart_axis.h"
#include "framework/log/display_width.h"
#include "framework/log/quantities.h"

namespace nearfar {
namespace {

constexpr double kWidth = 720.0, kHeight = 340.0;
constexpr double kLeft = 76.0, kRight = 696.0, kTop = 58.0, kBottom = 286.0;
constexpr double kLetter = 7.0;  // about the width of a letter at 12 pixels
constexpr size_t kManyPoints = 2000;
// Okabe and Ito, "Color universal design", 2008: told apart by the colour-blind too.
constexpr const char* kColors[] = {"#0072B2", "#D55E00", "#009E73",
                                   "#CC79A7", "#E69F00", "#56B4E9"};

struct Point {
  double x, y;
};

/// Data to pixels of one chart whose upper edge is at `top` in the document.
struct Frame {
  ChartAxis x, y;
  double top;

  double left_of(double value) const {
    return kLeft + (value - x.low) / (x.high - x.low) * (kRight - kLeft);
  }
  double top_of(double value) const {
    return top + kBottom - (value - y.low) / (y.high - y.low) * (kBottom - kTop);
  }
};

std::string pixels(double value) { return format_fixed(value, 1); }

std::string escaped(const std::string& text) {
  std::string result;
  for (size_t offset = 0; offset < text.size();) {
    const CodePoint point = decode_utf8(text, offset);
    const bool control = point.value < 0x20 || point.value == 0xFFFE || point.value == 0xFFFF;
    if (point.value == '&') {
      result += "&amp;";
    } else if (point.value == '<') {
      result += "&lt;";
    } else if (point.value == '>') {
      result += "&gt;";
    } else if (control) {
      result += ' ';  // XML 1.0 cannot hold them, not even escaped
    } else if (point.valid) {
      result.append(text, offset, point.bytes);
    } else {
      result += "\xEF\xBF\xBD";
    }
    offset += point.bytes;
  }
  return result;
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + pixels(x1) + "\" y1=\"" + pixels(y1) + "\" x2=\"" + pixels(x2) +
         "\" y2=\"" + pixels(y2) + "\" " + style + "/>\n";
}

/// `style` is empty or attributes after a blank.
std::string words(double x, double y, const std::string& style, const std::string& text) {
  return "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\"" + style + ">" + escaped(text) +
         "</text>\n";
}

bool is_finite(Point point) { return std::isfinite(point.x) && std::isfinite(point.y); }

std::vector<Point> points_of(const LineSeries& series) {
  if (series.x.size() != series.y.size()) {
    throw std::invalid_argument(
        "to_svg: series \"" + series.name + "\": expected as many x as y, " + "got " +
        std::to_string(series.x.size()) + " and " + std::to_string(series.y.size()));
  }
  std::vector<Point> points;
  for (size_t i = 0; i < series.x.size(); ++i) points.push_back({series.x[i], series.y[i]});
  return points;
}

/// Keeps the highest and the lowest of neighbouring points that share a pixel column.
std::vector<Point> thinned(const std::vector<Point>& points, const Frame& frame) {
  if (points.size() <= kManyPoints) return points;
  std::vector<Point> kept;
  for (size_t begin = 0, end = 0; begin < points.size(); begin = end) {
    const auto column = [&](size_t i) { return std::floor(frame.left_of(points[i].x)); };
    size_t lowest = begin, highest = begin;
    for (end = begin + 1; end < points.size() && is_finite(points[begin]) &&
                          is_finite(points[end]) && column(end) == column(begin);
         ++end) {
      if (points[end].y < points[lowest].y) lowest = end;
      if (points[end].y > points[highest].y) highest = end;
    }
    kept.push_back(points[std::min(lowest, highest)]);
    if (lowest != highest) kept.push_back(points[std::max(lowest, highest)]);
  }
  return kept;
}

Frame frame_of(const LineChart& chart, double top) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double x_low = kInfinity, x_high = -kInfinity, y_low = kInfinity, y_high = -kInfinity;
  for (const LineSeries& series : chart.series) {
    for (const Point point : points_of(series)) {
      if (!is_finite(point)) continue;
      x_low = std::min(x_low, point.x);
      x_high = std::max(x_high, point.x);
      y_low = std::min(y_low, point.y);
      y_high = std::max(y_high, point.y);
    }
  }
  if (chart.reference && std::isfinite(chart.reference->y)) {
    y_low = std::min(y_low, chart.reference->y);
    y_high = std::max(y_high, chart.reference->y);
  }
  // Without a point the axes still show 0 to 1.
  if (x_low > x_high) x_low = 0.0, x_high = 1.0;
  if (y_low > y_high) y_low = 0.0, y_high = 1.0;
  return {chart_axis(x_low, x_high, 8), chart_axis(y_low, y_high, 5), top};
}

std::string draw_axes(const LineChart& chart, const Frame& frame) {
  std::string svg;
  const double bottom = frame.top + kBottom;
  for (size_t i = 0; i < frame.y.ticks.size(); ++i) {
    const double y = frame.top_of(frame.y.ticks[i]);
    svg += line(kLeft, y, kRight, y, "stroke=\"#dddddd\"");
    svg += words(kLeft - 8.0, y + 4.0, " text-anchor=\"end\"", frame.y.labels[i]);
  }
  for (size_t i = 0; i < frame.x.ticks.size(); ++i) {
    const double x = frame.left_of(frame.x.ticks[i]);
    svg += line(x, bottom, x, bottom + 5.0, "stroke=\"#333333\"");
    svg += words(x, bottom + 19.0, " text-anchor=\"middle\"", frame.x.labels[i]);
  }
  svg += line(kLeft, bottom, kRight, bottom, "stroke=\"#333333\"");
  svg += line(kLeft, frame.top + kTop, kLeft, bottom, "stroke=\"#333333\"");
  svg += words((kLeft + kRight) / 2.0, bottom + 40.0, " text-anchor=\"middle\"", chart.x_label);
  const double middle = frame.top + (kTop + kBottom) / 2.0;
  svg += words(18.0, middle,
               " text-anchor=\"middle\" transform=\"rotate(-90 18.0 " + pixels(middle) + ")\"",
               chart.y_label);
  svg += words(kLeft, frame.top + 24.0, " font-size=\"16\" font-weight=\"bold\"", chart.title);
  return svg;
}

std::string draw_series(const LineSeries& series, const Frame& frame, const char* color) {
  std::string path;
  bool pen_down = false;
  std::string dots;
  const std::vector<Point> points = thinned(points_of(series), frame);
  for (size_t i = 0; i < points.size(); ++i) {
    if (!is_finite(points[i])) {
      pen_down = false;
      continue;
    }
    const std::string x = pixels(frame.left_of(points[i].x));
    const std::string y = pixels(frame.top_of(points[i].y));
    const bool alone = !pen_down && (i + 1 == points.size() || !is_finite(points[i + 1]));
    // A line through one point is invisible.
    if (alone) {
      dots += "<circle cx=\"" + x + "\" cy=\"" + y + "\" r=\"2.5\" fill=\"" + color + "\"/>\n";
    } else {
      path += (pen_down ? "L" : "M") + x + " " + y;
    }
    pen_down = true;
  }
  if (path.empty()) return dots;
  return "<path d=\"" + path + "\" fill=\"none\" stroke=\"" + color +
         "\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>\n" + dots;
}

std::string draw_legend(const LineChart& chart, const Frame& frame) {
  std::string svg;
  double x = kLeft;
  const double y = frame.top + 42.0;
  for (size_t i = 0; chart.series.size() > 1 && i < chart.series.size(); ++i) {
    const std::string color = kColors[i % std::size(kColors)];
    svg += line(x, y - 4.0, x + 18.0, y - 4.0, "stroke=\"" + color + "\" stroke-width=\"3\"");
    svg += words(x + 24.0, y, "", chart.series[i].name);
    x += 42.0 + kLetter * display_width(chart.series[i].name);
  }
  return svg;
}

std::string draw(const LineChart& chart, double top) {
  const Frame frame = frame_of(chart, top);
  std::string svg = draw_axes(chart, frame);
  if (chart.reference && std::isfinite(chart.reference->y)) {
    const double y = frame.top_of(chart.reference->y);
    svg += line(kLeft, y, kRight, y, "stroke=\"#777777\" stroke-dasharray=\"6 4\"");
    svg += words(kRight - 4.0, y - 5.0, " text-anchor=\"end\" fill=\"#555555\"",
                 chart.reference->label);
  }
  for (size_t i = 0; i < chart.series.size(); ++i) {
    svg += draw_series(chart.series[i], frame, kColors[i % std::size(kColors)]);
  }
  return svg + draw_legend(chart, frame);
}

}  // namespace

std::string to_svg(const std::vector<LineChart>& charts) {
  const std::string width = format_fixed(kWidth, 0);
  const std::string height = format_fixed(kHeight * static_cast<double>(charts.size()), 0);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" +
                    height + "\" viewBox=\"0 0 " + width + " " + height +
                    "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222222\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  for (size_t i = 0; i < charts.size(); ++i)
    svg += draw(charts[i], kHeight * static_cast<double>(i));
  return svg + "</svg>\n";
}

}  // namespace nearfar
