// Parts of a page: evaluation, confusion, settings, map and neighbours, with numbers by hand.
#include <gtest/gtest.h>

#include "framework/error.h"
#include "framework/report/evaluation_part.h"
#include "framework/report/run_facts.h"
#include "framework/report/settings_part.h"

namespace nearfar {
namespace {

constexpr const char* kEvaluation = R"({
  "data": {"name": "d", "classes": ["<cat>", "dog", "owl"]},
  "methods": {
    "linear": {
      "encoder": {"1.0": {"top1": 0.8125, "spread": 0.0, "seeds": 1, "interval": [0.8, 0.9],
                          "per_class": [0.5, null, 0.25], "settings": {"l2": 1},
                          "confusion": [[5, 3, 0], [0, 0, 0], [1, 0, 3]]},
                  "0.1": {"top1": 0.7, "spread": 0.01, "seeds": 3, "interval": [0.6, 0.75]}},
      "untrained": {"1.0": {"top1": 0.5, "spread": 0.0, "seeds": 1, "interval": [0.4, 0.6]}},
      "raw_pixels": {"1.0": {"top1": 0.875, "spread": 0.0, "seeds": 1, "interval": [0.8, 0.9]}}},
    "retrieval": {
      "encoder": {"1.0": {"map_at_r": 0.25, "spread": 0.0, "seeds": 1, "interval": [0.2, 0.3],
                          "against_train": {"map_at_r": 0.125}}}}}})";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(EvaluationPart, ShowsHeadlinesAndLeads) {
  const std::string html = evaluation_rows(parse_json(kEvaluation, "e"));
  EXPECT_TRUE(holds(html, "data-value=\"0.8125\""));
  EXPECT_TRUE(holds(html, "<strong>81.2</strong>"));  // half to even
  EXPECT_TRUE(holds(html, "data-value=\"-0.0625\">▼ −6.2</td>"));
  EXPECT_TRUE(holds(html, "70.0</strong><span class=\"quiet\"> ± 1.0</span>"));
  EXPECT_TRUE(holds(html, "95 %: 80.0 to 90.0"));
  EXPECT_TRUE(holds(html, "MAP@R"));
  EXPECT_TRUE(holds(measure_tables(parse_json(kEvaluation, "e")), "against_train.map_at_r"));
  EXPECT_FALSE(holds(measure_tables(parse_json(kEvaluation, "e")), "l2"));
  EXPECT_THROW(evaluation_rows(parse_json("{}", "e")), ConfigError);
  EXPECT_THROW(evaluation_rows(parse_json(R"({"methods":{"m":{"encoder":{"1.0":{"x":1}}}}})", "e")),
               ConfigError);
}

TEST(ConfusionPart, CountsSharesAndPairs) {
  const std::string html = confusion_figure(parse_json(kEvaluation, "e"));
  EXPECT_TRUE(holds(html, "&lt;cat&gt; taken for dog: 3 of 8 (37.5 %)"));
  EXPECT_TRUE(holds(html, "owl told right: 3 of 4 (75.0 %)"));
  EXPECT_FALSE(holds(html, "<cat>"));
  // The shade is the root of the share: 3/8 and 3/4.
  EXPECT_TRUE(holds(html, "fill-opacity=\"0.612\""));
  EXPECT_TRUE(holds(html, "fill-opacity=\"0.866\""));
  const size_t first = html.find("<tbody>"), second = html.find("<tr>", first + 12);
  EXPECT_TRUE(holds(html.substr(first, second - first), "data-value=\"3\""));
  EXPECT_TRUE(holds(class_table(parse_json(kEvaluation, "e")), "--share:25.0%"));
  const Json none = parse_json(R"({"data":{"classes":[]},"methods":{}})", "e");
  EXPECT_EQ(confusion_figure(none), "");
  EXPECT_EQ(class_table(none), "");
  EXPECT_THROW(
      confusion_figure(parse_json(
          R"({"data":{"classes":[]},"methods":{"m":{"encoder":{"1.0":{"confusion":[[1,2]]}}}}})",
          "e")),
      ConfigError);
}

TEST(SettingsPart, TellsChangedOnesAndTheirOrigins) {
  const Json config = parse_json(R"({"a": {"x": 1, "y": "<b>"}, "z": [1.5]})", "c");
  const Json defaults = parse_json(R"({"a": {"x": 1, "y": "u"}, "z": []})", "d");
  const std::vector<SettingRow> rows =
      setting_rows(config, defaults, parse_json(R"({"a.y": "command line"})", "o"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_FALSE(rows[0].changed);
  EXPECT_EQ(rows[1].key, "a.y");
  EXPECT_TRUE(rows[1].changed);
  EXPECT_EQ(rows[1].usual, "\"u\"");
  EXPECT_EQ(rows[1].origin, "command line");
  EXPECT_EQ(rows[2].origin, "chosen by nearfar");
  const std::string html = settings_part(rows);
  EXPECT_FALSE(holds(html, "<b>"));
  EXPECT_TRUE(holds(html, "All 3 settings"));
  for (const SettingRow& row : setting_rows(config, Json(), Json())) {
    EXPECT_TRUE(row.changed && row.usual.empty() && row.origin.empty()) << row.key;
  }
}

TEST(RunFacts, TellWhatIsKnown) {
  RunPage page;
  EXPECT_TRUE(run_facts(page).empty());
  page.config = parse_json(
      R"({"recipe":{"name":"simclr"},"encoder":{"name":"tiny"},"data":{"path":"/a/set/"},
          "train":{"batch":64}})",
      "c");
  page.evaluation = parse_json(kEvaluation, "e");
  page.log = {parse_json(R"({"step":1,"loss":3,"images_per_second":10,"time":100})", "l"),
              parse_json(R"({"step":2,"loss":2,"images_per_second":30,"time":160})", "l"),
              parse_json(R"({"step":3,"loss":null,"images_per_second":20,"time":190})", "l")};
  const std::vector<Fact> facts = run_facts(page);
  ASSERT_EQ(facts.size(), 5u);
  EXPECT_EQ(facts[0].value, "81.2 %");
  EXPECT_EQ(facts[0].note, "raw pixels 87.5 %");
  EXPECT_EQ(facts[1].value, "2");
  EXPECT_EQ(facts[2].value, "3");
  EXPECT_EQ(facts[2].note, "batch 64");
  EXPECT_EQ(facts[3].value, "20");
  EXPECT_EQ(facts[4].value, "1m30s");
  EXPECT_EQ(run_subtitle(page), "simclr · tiny · set");
}

}  // namespace
}  // namespace nearfar
