// Line charts as standalone SVG files: curves.svg of a run.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nearfar {

struct LineSeries {
  std::string name;
  std::vector<double> x, y;  // of equal length; points that are not finite break the line
};

/// A dashed horizontal line, such as the loss of random guessing.
struct ReferenceLine {
  double y = 0.0;
  std::string label;
};

struct LineChart {
  std::string title, x_label, y_label;
  std::vector<LineSeries> series;
  std::optional<ReferenceLine> reference;
};

/// The charts below each other as one SVG document on white, with axes, grid and, for several
/// series, a legend. The same charts give the same text. Long series are thinned to the highest and
/// lowest point of each pixel column. Throws std::invalid_argument where x and y differ in length.
std::string to_svg(const std::vector<LineChart>& charts);

}  // namespace nearfar
