// Curves of logs: grouping, breaks, thinning, and pixels by hand.
#include "framework/report/curves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "framework/report/line_chart.h"

namespace nearfar {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<Json> log_of(const std::string& lines) {
  std::vector<Json> log;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = lines.find('\n', begin);
    log.push_back(parse_json(lines.substr(begin, end - begin), "log"));
    begin = end + 1;
  }
  return log;
}

TEST(LogCharts, GroupKnownKeysAndKeepUnknownOnes) {
  const std::vector<PageChart> charts = log_charts(log_of(
      "{\"step\":1,\"loss\":6.5,\"random_guess_loss\":6.2,\"positive_similarity\":0.1,"
      "\"negative_similarity\":0.0,\"my_own\":3,\"note\":\"text\",\"time\":1,\"epoch\":0.1}\n"
      "{\"step\":2,\"loss\":5.5,\"random_guess_loss\":6.3,\"positive_similarity\":0.2,"
      "\"negative_similarity\":-0.1,\"my_own\":4,\"online_knn\":0.5,\"time\":2,\"epoch\":0.2}\n"
      "{\"event\":\"no step\",\"loss\":1}\n"));
  ASSERT_EQ(charts.size(), 4u);
  EXPECT_EQ(charts[0].title, "Loss");
  EXPECT_EQ(charts[0].series[0].value, (std::vector<double>{6.5, 5.5}));
  ASSERT_TRUE(charts[0].reference.has_value());
  EXPECT_EQ(charts[0].reference->value, 6.3);
  EXPECT_EQ(charts[1].title, "Online evaluation");
  EXPECT_EQ(charts[1].series.size(), 1u);
  EXPECT_EQ(charts[1].series[0].step, (std::vector<double>{2.0}));
  EXPECT_EQ(charts[2].title, "Similarity of pairs");
  EXPECT_EQ(charts[2].series[1].value, (std::vector<double>{0.0, -0.1}));
  EXPECT_EQ(charts[3].title, "my_own");
  std::set<std::string> ids;
  for (const PageChart& chart : charts) ids.insert(chart.id);
  EXPECT_EQ(ids.size(), charts.size());
  EXPECT_TRUE(log_charts({}).empty());
}

TEST(LogCharts, NullBreaksTheCurve) {
  const std::vector<PageChart> charts =
      log_charts(log_of("{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":null}\n"
                        "{\"step\":3,\"loss\":4}\n{\"step\":4,\"loss\":3}\n"));
  const ChartSeries& loss = charts.at(0).series.at(0);
  EXPECT_TRUE(std::isnan(loss.value[1]));
  const std::string svg = chart_figure(charts[0]);
  const std::string path = svg.substr(svg.find(" d=\"") + 4);
  EXPECT_EQ(std::count(path.begin(), path.begin() + path.find('"'), 'M'), 2);
  EXPECT_NE(svg.find("<circle"), std::string::npos) << "the single first point is drawn";
  EXPECT_TRUE(chart_data(charts[0]).at("series").items()[0].at("value").items()[1] == Json());
}

// The frame is 340 by 174 pixels from (52, 8); steps fill it, values go to round numbers.
TEST(LineChart, PointsStandWhereTheyBelong) {
  const PageChart chart{"c", "t", "", {{"s", {10.0, 20.0, 30.0}, {0.0, 5.0, 10.0}}}, {}};
  const std::string svg = chart_figure(chart);
  EXPECT_NE(svg.find("d=\"M52.0 182.0L222.0 95.0L392.0 8.0\""), std::string::npos) << svg;
  const Json data = chart_data(chart);
  EXPECT_EQ(to_text(data, -1),
            "{\"series\":[{\"name\":\"s\",\"step\":[10.0,20.0,30.0],\"value\":[0.0,5.0,10.0]}],"
            "\"x\":[10.0,30.0],\"y\":[0.0,10.0]}");
}

TEST(LineChart, EscapesNames) {
  const PageChart chart{"c", "<b>", "<i>", {{"<a>", {1}, {1}}, {"\"", {1}, {1}}}, {}};
  const std::string svg = chart_figure(chart);
  for (const char* raw : {"<b>", "<i>", "<a>"}) EXPECT_EQ(svg.find(raw), std::string::npos);
}

TEST(LineChart, TakesNothingOnePointAndUnequalLengths) {
  EXPECT_NE(chart_figure({"c", "t", "", {{"s", {}, {}}}, {}}).find("<svg"), std::string::npos);
  EXPECT_NE(chart_figure({"c", "t", "", {{"s", {5.0}, {1.0}}}, {}}).find("<circle"),
            std::string::npos);
  EXPECT_NE(chart_figure({"c", "t", "", {{"s", {1.0, 2.0}, {kNan, kNan}}}, {}}).find("<svg"),
            std::string::npos);
  EXPECT_THROW(chart_figure({"c", "t", "", {{"s", {1.0}, {}}}, {}}), std::invalid_argument);
}

TEST(Thinned, KeepsTheHighestAndLowestOfEveryStretch) {
  ChartSeries series{"s", {}, {}};
  for (int i = 0; i < 50000; ++i) {
    series.step.push_back(i);
    series.value.push_back(std::sin(i * 0.37));
  }
  series.value[31234] = 99.0;
  series.value[31235] = -99.0;
  const ChartSeries kept = thinned(series, 400);
  EXPECT_LE(kept.step.size(), 800u);
  EXPECT_GE(kept.step.size(), 700u);
  EXPECT_TRUE(std::is_sorted(kept.step.begin(), kept.step.end()));
  for (const double wanted : {99.0, -99.0}) {
    EXPECT_EQ(std::count(kept.value.begin(), kept.value.end(), wanted), 1);
  }
  for (size_t i = 0; i < kept.step.size(); ++i) {
    EXPECT_EQ(kept.value[i], series.value[static_cast<size_t>(kept.step[i])]);
  }
  series.value[777] = kNan;
  const ChartSeries broken = thinned(series, 400);
  EXPECT_EQ(std::count_if(broken.value.begin(), broken.value.end(),
                          [](double value) { return std::isnan(value); }),
            1);
  EXPECT_EQ(thinned(kept, 400).step, kept.step);
}

}  // namespace
}  // namespace nearfar
