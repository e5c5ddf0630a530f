// The evaluation document and its table.
#include "framework/evaluate/evaluation.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <string>
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/labelled_subset.h"
#include "framework/evaluate/report.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

EvaluationInputs make_inputs() {
  EvaluationInputs inputs;
  inputs.train_label = at::arange(600, at::kLong).remainder(6);
  inputs.test_label = at::arange(240, at::kLong).remainder(6);
  const auto source = [&](double distance) {
    return SplitFeatures{synthetic::clouds(inputs.train_label, 6, 8, distance, 1).to(at::kFloat),
                         synthetic::clouds(inputs.test_label, 6, 8, distance, 2).to(at::kFloat)};
  };
  inputs.encoder = source(1.0);
  inputs.untrained = source(0.4);
  inputs.raw_pixels = source(0.6);
  inputs.data.name = "clouds";
  inputs.data.path = "memory";
  inputs.data.class_names = {"a", "b", "c", "d", "e", "f"};
  return inputs;
}

EvaluationConfig small_config() {
  EvaluationConfig config;
  config.fractions = {1.0, 0.1};
  config.draws = {1, 3};
  config.linear.l2_weakest = 1e-2;
  config.linear.steps_per_decade = 1;
  config.knn.k = {1, 10, 50};
  config.knn.temperature = {0.1};
  return config;
}

std::string data_error(const EvaluationInputs& inputs) {
  Log log;
  try {
    evaluate(inputs, small_config(), log);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(Evaluate, WritesTheDocument) {
  std::vector<std::string> messages;
  Log log([&](Level, const std::string& message) { messages.push_back(message); });
  const EvaluationInputs inputs = make_inputs();
  const EvaluationConfig config = small_config();
  const Json document = evaluate(inputs, config, log);
  EXPECT_EQ(messages.size(), 12u);
  EXPECT_EQ(document.at("data").at("train").as_int(), 600);
  EXPECT_EQ(document.at("data").at("classes").items().size(), 6u);
  for (const char* method : {"linear", "knn"}) {
    for (const char* source : {"encoder", "untrained", "raw_pixels"}) {
      const Json& all = document.at("methods").at(method).at(source).at("1.0");
      const Json& tenth = document.at("methods").at(method).at(source).at("0.1");
      EXPECT_EQ(all.at("seeds").as_int(), 1);
      EXPECT_EQ(all.at("spread").as_double(), 0.0);
      EXPECT_EQ(tenth.at("seeds").as_int(), 3);
      EXPECT_GT(tenth.at("spread").as_double(), 0.0);
      EXPECT_EQ(tenth.at("settings").at("labelled").as_int(), 60);
      EXPECT_EQ(all.at("per_class").items().size(), 6u);
      const double top1 = all.at("top1").as_double();
      EXPECT_GE(all.at("top5").as_double(), top1);
      const auto interval = wilson_interval(top1, 240);
      EXPECT_EQ(all.at("interval").items()[0].as_double(), interval.first);
      EXPECT_EQ(all.at("interval").items()[1].as_double(), interval.second);
    }
  }
  EXPECT_EQ(evaluate(inputs, config, log), document);
}

TEST(Evaluate, TellsWhichClassesTheEncoderConfuses) {
  Log log;
  const Json document = evaluate(make_inputs(), small_config(), log);
  for (const char* method : {"linear", "knn"}) {
    const Json& sources = document.at("methods").at(method);
    const Json& entry = sources.at("encoder").at("1.0");
    const auto& rows = entry.at("confusion").items();
    ASSERT_EQ(rows.size(), 6u);
    for (size_t truth = 0; truth < 6; ++truth) {
      int64_t images = 0;
      for (const Json& count : rows[truth].items()) images += count.as_int();
      EXPECT_EQ(images, 40);
      EXPECT_DOUBLE_EQ(static_cast<double>(rows[truth].items()[truth].as_int()) / 40.0,
                       entry.at("per_class").items()[truth].as_double());
    }
    EXPECT_EQ(sources.at("encoder").at("0.1").find("confusion"), nullptr);
    EXPECT_EQ(sources.at("untrained").at("1.0").find("confusion"), nullptr);
  }
}

TEST(Evaluate, ReportsTheMeanOverItsDraws) {
  const EvaluationInputs inputs = make_inputs();
  const EvaluationConfig config = small_config();
  Log log;
  const Json document = evaluate(inputs, config, log);
  std::vector<double> top1;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const at::Tensor drawn = balanced_draw(inputs.train_label, 6, 0.1, seed);
    top1.push_back(linear_probe(inputs.encoder.train.index_select(0, drawn),
                                inputs.train_label.index_select(0, drawn), inputs.encoder.test,
                                inputs.test_label, 6, config.linear, seed)
                       .accuracy.top1);
  }
  const Json& entry = document.at("methods").at("linear").at("encoder").at("0.1");
  EXPECT_DOUBLE_EQ(entry.at("top1").as_double(), mean_and_spread(top1).mean);
  EXPECT_DOUBLE_EQ(entry.at("spread").as_double(), mean_and_spread(top1).spread);
}

TEST(Evaluate, ChoosesNothingByTheTestSetButTheNeighboursOfRawPixels) {
  EvaluationInputs inputs = make_inputs();
  Log log;
  const Json before = evaluate(inputs, small_config(), log);
  inputs.test_label = (inputs.test_label + 1).remainder(6);
  const Json after = evaluate(inputs, small_config(), log);
  for (const char* source : {"encoder", "untrained"}) {
    for (const char* fraction : {"1.0", "0.1"}) {
      const Json& a = before.at("methods").at("knn").at(source).at(fraction);
      const Json& b = after.at("methods").at("knn").at(source).at(fraction);
      EXPECT_EQ(a.at("settings").at("chosen"), b.at("settings").at("chosen"));
      EXPECT_NE(a.at("top1").as_double(), b.at("top1").as_double());
      EXPECT_EQ(before.at("methods").at("linear").at(source).at(fraction).at("settings"),
                after.at("methods").at("linear").at(source).at(fraction).at("settings"));
    }
  }
  const Json& raw = before.at("methods").at("knn").at("raw_pixels").at("0.1");
  double best = 0.0;
  for (const Json& row : raw.at("settings").at("sweep").items()) {
    best = std::max(best, row.at("top1").as_double());
  }
  EXPECT_EQ(raw.at("settings").at("sweep").items().size(), 6u);
  EXPECT_DOUBLE_EQ(raw.at("top1").as_double(), best);
}

TEST(Evaluate, SaysWhatIsMissing) {
  EvaluationInputs inputs = make_inputs();
  inputs.test_label = at::Tensor();
  EXPECT_EQ(data_error(inputs),
            "memory: expected a test part with images to evaluate on, found none");
  inputs = make_inputs();
  inputs.data.class_names.clear();
  EXPECT_EQ(data_error(inputs),
            "memory: expected labels of at least two classes to evaluate with, found 0");
  inputs = make_inputs();
  inputs.train_label = at::full({600}, -1, at::kLong);
  EXPECT_EQ(
      data_error(inputs),
      "memory: expected a label for every image of the training part, found images without one");
  inputs = make_inputs();
  inputs.test_label = inputs.test_label + 1;
  EXPECT_EQ(data_error(inputs), "memory: expected labels of the test part below 6, found 6");
  inputs = make_inputs();
  inputs.train_label = inputs.train_label.remainder(4);
  EXPECT_EQ(data_error(inputs),
            "memory: linear: expected training images of every class of the test part, found none "
            "of 2 of its 6 classes, \"e\" for one; what judges without: --methods "
            "retrieval,verification,clustering");
  Log log;
  EvaluationConfig config = small_config();
  config.methods = "retrieval,verification,clustering";
  EXPECT_EQ(evaluate(inputs, config, log).at("methods").members().size(), 3u);
  config = small_config();
  config.draws = {1};
  EXPECT_THROW(evaluate(make_inputs(), config, log), ConfigError);
}

TEST(EvaluationMethods, AreKnownAndDistinct) {
  EXPECT_EQ(evaluation_methods("knn,linear"), (std::vector<std::string>{"knn", "linear"}));
  EXPECT_EQ(evaluation_methods("knn"), (std::vector<std::string>{"knn"}));
  for (const char* list : {"", "knn,", "svm", "knn,knn", "linear, knn"}) {
    EXPECT_THROW(evaluation_methods(list), ConfigError) << list;
  }
}

TEST(Report, WritesFractionsAsKeysAndPercent) {
  EXPECT_EQ(fraction_key(1.0), "1.0");
  EXPECT_EQ(fraction_key(0.1), "0.1");
  EXPECT_EQ(fraction_key(0.01), "0.01");
  EXPECT_EQ(fraction_key(1e-5), "0.00001");
  EXPECT_EQ(percent_text(1.0), "100 %");
  EXPECT_EQ(percent_text(0.005), "0.5 %");
  EXPECT_EQ(percent_text(0.86417), "86.42 %");
}

TEST(Report, HasNullsForWhatIsUndefined) {
  const Accuracy accuracy{0.5, 1.0, {0.5, std::nan("")}, 4, {}};
  const Json report = accuracy_report({accuracy});
  EXPECT_EQ(report.at("top5").kind(), Json::Kind::null);
  EXPECT_EQ(report.at("per_class").items()[1].kind(), Json::Kind::null);
  EXPECT_EQ(report.at("per_class").items()[0].as_double(), 0.5);
}

TEST(Report, OfPerfectDrawsIsPerfect) {
  for (size_t n = 1; n <= 50; ++n) {
    const Accuracy accuracy{1.0, 1.0, std::vector<double>(6, 1.0), 4, {}};
    const Json report = accuracy_report(std::vector<Accuracy>(n, accuracy));
    EXPECT_EQ(report.at("top1").as_double(), 1.0) << n;
    EXPECT_EQ(report.at("top5").as_double(), 1.0) << n;
    EXPECT_EQ(report.at("per_class").items()[5].as_double(), 1.0) << n;
  }
}

Json entry(double top1, double spread, int64_t seeds) {
  // Half-widths of 1.96 standard errors of 0.3 points.
  const double half = 1.959963984540054 * 0.003;
  return Json::object({{"top1", top1},
                       {"spread", spread},
                       {"seeds", seeds},
                       {"interval", Json::array({top1 - half, top1 + half})}});
}

TEST(EvaluationTable, IsTheGoldenText) {
  Json document;
  Json& linear = document["methods"]["linear"];
  linear["encoder"]["1.0"] = entry(0.864, 0.0, 1);
  linear["encoder"]["0.01"] = entry(0.799, 0.004, 5);
  linear["untrained"]["1.0"] = entry(0.813, 0.0, 1);
  linear["untrained"]["0.01"] = entry(0.706, 0.009, 5);
  linear["raw_pixels"]["1.0"] = entry(0.846, 0.0, 1);
  linear["raw_pixels"]["0.01"] = entry(0.783, 0.003, 5);
  Json& knn = document["methods"]["knn"];
  knn["encoder"]["1.0"] = entry(0.849, 0.0, 1);
  knn["untrained"]["1.0"] = entry(0.787, 0.0, 1);
  knn["raw_pixels"]["1.0"] = entry(0.869, 0.0, 1);
  // 1.6 points: sqrt(0.4^2 + 0.3^2 + 2 * 0.3^2) = 0.66 points of noise; -2.0: 0.42.
  EXPECT_EQ(
      evaluation_table(document),
      "method  measure  labels     encoder   untrained  raw pixels  lead\n"
      "linear  top-1     100 %        86.4        81.3        84.6  +1.8\n"
      "linear  top-1       1 %  79.9 ± 0.4  70.6 ± 0.9  78.3 ± 0.3  +1.6\n"
      "knn     top-1     100 %        84.9        78.7        86.9  -2.0\n"
      "In %, ± its standard deviation over draws. Lead: encoder minus the better baseline.\n"
      "Noise: that deviation and the finite test set together.\n"
      "knn: raw pixels get the setting that is best on the test set.\n"
      "linear: the encoder beats both baselines; its smallest lead is +1.6 points against raw "
      "pixels with 1 % of the labels, 2.4 times the noise.\n"
      "knn: the encoder does not beat both baselines: -2.0 points against raw pixels with 100 % "
      "of the labels, 4.7 times the noise.\n");
}

TEST(EvaluationTable, LeavesOutWhatWasNotMeasured) {
  Json document;
  document["methods"]["knn"]["encoder"]["1.0"] = entry(0.5, 0.0, 1);
  const std::string table = evaluation_table(document);
  EXPECT_NE(table.find("50.0"), std::string::npos);
  EXPECT_EQ(table.find("beat"), std::string::npos);
  document["methods"]["knn"]["raw_pixels"]["1.0"] = entry(0.499, 0.0, 1);
  EXPECT_NE(evaluation_table(document).find("but not by more than the noise"), std::string::npos);
}

TEST(EvaluationTable, GivesNoLeadWithoutNoiseAsZero) {
  Json perfect = entry(1.0, 0.0, 1);
  perfect["interval"] = Json::array({1.0, 1.0});
  Json document;
  document["methods"]["knn"]["encoder"]["1.0"] = perfect;
  document["methods"]["knn"]["raw_pixels"]["1.0"] = perfect;
  EXPECT_NE(evaluation_table(document).find("+0.0 points against raw pixels with 100 % of the "
                                            "labels, 0.0 times the noise"),
            std::string::npos)
      << evaluation_table(document);
}

}  // namespace
}  // namespace nearfar
