// Charts: well-formed XML, points where the axes say, ticks that are round, text that never
// changes.
#include "framework/log/svg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "framework/log/chart_axis.h"
#include "tests/paths.h"

namespace nearfar {
namespace {

/// Whether every tag is closed by its own name and no text holds a bare < or &.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = 0; at < xml.size(); ++at) {
    if (xml[at] == '&') {
      const std::string entity = xml.substr(at, xml.find(';', at) - at);
      if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot") return false;
    }
    if (xml[at] != '<') continue;
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return false;
    const std::string name = tag.substr(0, tag.find_first_of(" /", 1));
    if (name.starts_with('/')) {
      if (open.empty() || "/" + open.back() != name) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
    }
    at = end;
  }
  return open.empty();
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

LineChart example() {
  LineChart chart{"Loss", "step", "NT-Xent", {}, ReferenceLine{6.93, "random guessing 6.930"}};
  chart.series.push_back({"loss", {0, 50, 100}, {7, 4, 3}});
  chart.series.push_back({"smoothed", {0, 50, 100}, {7, 5.5, 4}});
  return chart;
}

TEST(Svg, TheCheckOfTheseTestsRefusesBadXml) {
  EXPECT_TRUE(well_formed("<a><b x=\"1\"/>t &amp; u</a>"));
  for (const char* bad : {"<a>", "<a></b>", "<a>&</a>", "<a><</a>", "</a>", "<a x=\"1></a>"}) {
    EXPECT_FALSE(well_formed(bad)) << bad;
  }
}

TEST(Svg, PutsPointsWhereTheAxesSay) {
  // Axes [0, 100] and [3, 7] on a plot from (76, 286) to (696, 58): 50 is 386, 4 is 229.
  const std::string svg = to_svg({example()});
  EXPECT_NE(svg.find("<path d=\"M76.0 58.0L386.0 229.0L696.0 286.0\""), std::string::npos);
  // 286 - (6.93 - 3) / 4 * 228 = 61.99
  EXPECT_NE(svg.find("<line x1=\"76.0\" y1=\"62.0\" x2=\"696.0\" y2=\"62.0\" stroke=\"#777777\" "
                     "stroke-dasharray"),
            std::string::npos);
  EXPECT_TRUE(well_formed(svg));
}

TEST(Svg, EqualsTheGoldenFile) {
  LineChart rate{"Learning rate", "step", "rate", {{"rate", {0, 10, 100}, {0, 0.06, 0}}}, {}};
  const std::string svg = to_svg({example(), rate});
  std::ostringstream golden;
  golden << std::ifstream(NEARFAR_SOURCE_DIR "/tests/framework/log/curves.svg").rdbuf();
  EXPECT_EQ(svg, golden.str());
  EXPECT_EQ(to_svg({example(), rate}), svg);
}

TEST(Svg, EscapesWhatUsersWrite) {
  LineChart chart = example();
  chart.title = "a < b & \"c\" > \x01\xff";
  chart.series[0].name = "</text><script>";
  chart.reference->label = "&lt;";
  const std::string svg = to_svg({chart});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_NE(svg.find("a &lt; b &amp; \"c\" &gt;  \xEF\xBF\xBD</text>"), std::string::npos);
  EXPECT_NE(svg.find("&amp;lt;</text>"), std::string::npos);
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
}

TEST(Svg, ALegendAppearsForSeveralSeriesOnly) {
  EXPECT_EQ(count(to_svg({example()}), ">smoothed</text>"), 1u);
  LineChart one = example();
  one.series.pop_back();
  EXPECT_EQ(count(to_svg({one}), ">loss</text>"), 0u);
}

TEST(Svg, BreaksLinesAtPointsThatAreNotFinite) {
  LineChart chart;
  chart.series.push_back({"x", {0, 1, 2, 3, 4, 5}, {1, 2, std::nan(""), 3, 4, INFINITY}});
  const std::string svg = to_svg({chart});
  EXPECT_TRUE(well_formed(svg));
  const size_t path = svg.find("<path d=\"");
  EXPECT_EQ(count(svg.substr(path), "M"), 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  chart.series[0] = {"x", {1}, {2}};
  EXPECT_EQ(count(to_svg({chart}), "<circle"), 1u);
}

TEST(Svg, DrawsEmptyAndConstantCharts) {
  EXPECT_TRUE(well_formed(to_svg({})));
  LineChart chart;
  EXPECT_TRUE(well_formed(to_svg({chart})));
  chart.series.push_back({"x", {3, 3}, {1e-300, 1e-300}});
  chart.reference = ReferenceLine{std::nan(""), "unknown"};
  const std::string svg = to_svg({chart});
  EXPECT_TRUE(well_formed(svg));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("unknown"), std::string::npos);
}

TEST(Svg, ThinsLongSeriesWithoutLosingPeaks) {
  LineChart chart;
  chart.series.push_back({"x", {}, {}});
  for (int i = 0; i < 100000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i == 54321 ? 10.0 : i == 12345 ? -10.0 : std::sin(i));
  }
  const std::string svg = to_svg({chart});
  EXPECT_LT(svg.size(), 40000u);
  const std::string path = svg.substr(svg.find("<path d=\""));
  EXPECT_EQ(count(path, " 58.0"), 1u);   // the highest point, 10, at the top of the plot
  EXPECT_EQ(count(path, " 286.0"), 1u);  // the lowest, -10, at its bottom
}

TEST(Svg, SeriesHaveAsManyXAsY) {
  LineChart chart;
  chart.series.push_back({"x", {1, 2}, {1}});
  EXPECT_THROW(to_svg({chart}), std::invalid_argument);
}

TEST(ChartAxis, TicksAreRound) {
  const ChartAxis loss = chart_axis(2.87, 6.93, 5);
  EXPECT_EQ(loss.labels, (std::vector<std::string>{"2", "3", "4", "5", "6", "7"}));
  EXPECT_EQ(chart_axis(0, 0.1, 5).labels,
            (std::vector<std::string>{"0.00", "0.02", "0.04", "0.06", "0.08", "0.10"}));
  EXPECT_EQ(chart_axis(-3, 5, 4).labels,
            (std::vector<std::string>{"-4", "-2", "0", "2", "4", "6"}));
  EXPECT_EQ(chart_axis(0, 60000, 3).labels,
            (std::vector<std::string>{"0", "20000", "40000", "60000"}));
  EXPECT_EQ(chart_axis(0, 2.9e-5, 3).labels,
            (std::vector<std::string>{"0", "1e-05", "2e-05", "3e-05"}));
}

TEST(ChartAxis, CoversItsValuesWithFewTicks) {
  for (const double low : {-1e6, -1.0, 0.0, 1e-12, 0.3, 7.7, 123456.0}) {
    for (const double span : {1e-9, 1e-3, 0.7, 1.0, 33.0, 1e5, 1e12}) {
      for (const int intervals : {3, 5, 8}) {
        const ChartAxis axis = chart_axis(low, low + span, intervals);
        EXPECT_LE(axis.low, low + 1e-9 * span);
        EXPECT_GE(axis.high, low + span - 1e-9 * std::abs(low + span));
        EXPECT_GE(axis.ticks.size(), 2u);
        EXPECT_LE(axis.ticks.size(), static_cast<size_t>(intervals) + 3);
        for (size_t i = 1; i < axis.labels.size(); ++i)
          EXPECT_NE(axis.labels[i], axis.labels[i - 1]);
      }
    }
  }
}

TEST(ChartAxis, MovesEqualEndsApart) {
  for (const double value : {0.0, 5.0, -3e-7, 1e20}) {
    const ChartAxis axis = chart_axis(value, value, 5);
    EXPECT_LT(axis.low, value + std::abs(value) * 1e-9 + 1e-12 * (value == 0.0));
    EXPECT_GT(axis.high, axis.low);
    EXPECT_GE(axis.high, value);
  }
}

}  // namespace
}  // namespace nearfar
