// The curves of a log: which quantities belong together, what they are called and what they say.
#pragma once

#include <string>
#include <vector>

#include "framework/json/json.h"
#include "framework/report/line_chart.h"

namespace nearfar {

/// Charts of every numeric key of the log's lines ("step" and what tells the time aside): known
/// ones first, in an order of their own, then the others under their own names. A key that only
/// some lines have makes a curve of those; null breaks the curve. Lines without "step" are left
/// out.
std::vector<PageChart> log_charts(const std::vector<Json>& log);

/// First, lowest, highest and last value of each curve as a <table>.
std::string curve_table(const std::vector<PageChart>& charts);

}  // namespace nearfar
