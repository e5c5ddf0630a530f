// A line chart of a page: drawn as SVG for every reader, with its numbers for the script beside it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/json/json.h"

namespace nearfar {

/// Values by step, ascending. A value that is not finite breaks the line.
struct ChartSeries {
  std::string name;
  std::vector<double> step, value;
};

/// A dashed line, such as the loss of random guessing.
struct ChartReference {
  std::string name;
  double value = 0.0;
};

struct PageChart {
  std::string id;  // letters, digits, '_'
  std::string title;
  std::string note;  // what the quantity says, in a few words
  std::vector<ChartSeries> series;
  std::optional<ChartReference> reference;
};

/// Keeps at most 2 * `columns` points: of each stretch of steps the first highest and first lowest,
/// and whatever breaks the line.
ChartSeries thinned(const ChartSeries& series, size_t columns);

/// A <figure> with the title, a legend where there are several series, and the curves with axes.
/// Throws std::invalid_argument where steps and values differ in number.
std::string chart_figure(const PageChart& chart);

/// What the script reads the values from: {"series": [{"name", "step", "value"}], "x": [low, high],
/// "y": [low, high]}; the same points as the curves'.
Json chart_data(const PageChart& chart);

}  // namespace nearfar
