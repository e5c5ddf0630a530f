// The methods that fit no labels: their entries, their errors, and raw pixels at their best.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "framework/error.h"
#include "framework/evaluate/centring.h"
#include "framework/evaluate/evaluation.h"
#include "framework/evaluate/method.h"
#include "tests/framework/evaluate/synthetic.h"

namespace nearfar {
namespace {

/// Clouds of eight classes far from the origin: cosines of rows that are not centred say little.
EvaluationInputs make_inputs() {
  EvaluationInputs inputs;
  inputs.train_label = at::arange(400, at::kLong).remainder(8);
  inputs.test_label = at::arange(240, at::kLong).remainder(8);
  const auto source = [&](double distance) {
    const auto part = [&](const at::Tensor& label, uint64_t seed) {
      return (synthetic::clouds(label, 8, 12, distance, seed) + 6.0).to(at::kFloat);
    };
    return SplitFeatures{part(inputs.train_label, 1), part(inputs.test_label, 2)};
  };
  inputs.encoder = source(1.0);
  inputs.untrained = source(0.2);
  inputs.raw_pixels = source(1.0);
  inputs.data.name = "clouds";
  inputs.data.path = "memory";
  for (int i = 0; i < 8; ++i) inputs.data.class_names.push_back(std::to_string(i));
  return inputs;
}

Json judged(const EvaluationInputs& inputs, const std::string& methods, bool centred = false) {
  EvaluationConfig config;
  config.methods = methods;
  config.fractions = {0.1};
  config.draws = {3};
  config.centred = centred;
  config.verification.pairs = 2000;
  config.verification.replicates = 40;
  Log log;
  return evaluate(inputs, config, log);
}

std::set<std::string> keys(const Json& entry) {
  std::set<std::string> result;
  for (const auto& [key, value] : entry.members()) result.insert(key);
  return result;
}

TEST(Methods, HaveTheKeysThatTheReadmePromises) {
  const std::map<std::string, std::set<std::string>> promised{
      {"retrieval",
       {"map_at_r", "recall_at_1", "recall_at_2", "recall_at_4", "recall_at_8", "r_precision",
        "map", "nmi", "queries", "lonely", "against_train"}},
      {"clustering", {"ami", "nmi", "nmi_sqrt", "clusters", "images", "inertia"}},
      {"verification",
       {"auc", "eer", "accuracy", "tar_at_far", "positives", "negatives", "smallest_far", "roc"}},
      {"open_set",
       {"dir", "far", "dir_at_far", "auroc", "rank1", "galleries",
        "earlier_identities_after_growth", "carried_thresholds"}}};
  const Json document = judged(make_inputs(), "retrieval,clustering,verification,open_set");
  for (const auto& [name, expected] : promised) {
    const EvaluationMethod& method = find_method(name);
    for (const auto& [source, entries] : document.at("methods").at(name).members()) {
      ASSERT_EQ(keys(entries), std::set<std::string>{"1.0"}) << name;
      const Json& entry = entries.at("1.0");
      std::set<std::string> all = expected;
      all.insert({"spread", "seeds", "interval", "settings"});
      EXPECT_EQ(keys(entry), all) << name;
      const double value = entry.at(method.headline).as_double();
      EXPECT_LE(entry.at("interval").items()[0].as_double(), value) << name << source;
      EXPECT_GE(entry.at("interval").items()[1].as_double(), value) << name << source;
      EXPECT_EQ(entry.at("seeds").as_int() > 1, entry.at("spread").as_double() > 0.0) << name;
    }
  }
  EXPECT_EQ(judged(make_inputs(), "retrieval,clustering,verification,open_set"), document);
}

TEST(Methods, PutTheEncoderAboveItsUntrainedTwin) {
  const Json document = judged(make_inputs(), "retrieval,clustering,verification,open_set", true);
  for (const auto& [name, sources] : document.at("methods").members()) {
    const char* headline = find_method(name).headline;
    EXPECT_GT(sources.at("encoder").at("1.0").at(headline).as_double(),
              sources.at("untrained").at("1.0").at(headline).as_double() + 0.1)
        << name;
  }
  const std::string table = evaluation_table(document);
  for (const char* words : {"MAP@R", "AMI", "ROC AUC", "DIR@FAR10"}) {
    EXPECT_NE(table.find(words), std::string::npos) << words;
  }
  EXPECT_EQ(table.find("of the labels"), std::string::npos);
}

// The same features stand for encoder and raw pixels; only the latter are centred unasked.
TEST(Methods, CentreRawPixelsWhereThatIsBetter) {
  const Json document = judged(make_inputs(), "retrieval,clustering,verification,open_set");
  const Json centred = judged(make_inputs(), "retrieval,clustering,verification,open_set", true);
  for (const auto& [name, sources] : document.at("methods").members()) {
    const char* headline = find_method(name).headline;
    const Json& encoder = sources.at("encoder").at("1.0");
    const Json& raw = sources.at("raw_pixels").at("1.0");
    EXPECT_FALSE(encoder.at("settings").at("centred").as_bool()) << name;
    EXPECT_TRUE(raw.at("settings").at("centred").as_bool()) << name;
    EXPECT_GT(raw.at(headline).as_double(), encoder.at(headline).as_double()) << name;
    EXPECT_EQ(centred.at("methods").at(name).at("encoder").at("1.0").at(headline), raw.at(headline))
        << name;
  }
}

TEST(Centre, SubtractsTheTrainingMeanFromBothParts) {
  const SplitFeatures features{synthetic::normal({50, 3}, 1) + 2.0, synthetic::normal({20, 3}, 2)};
  const SplitFeatures result = centre(features);
  EXPECT_LT(result.train.mean(0).abs().max().item<double>(), 1e-14);
  EXPECT_TRUE(result.test.allclose(features.test - features.train.mean(0), 0.0, 1e-15));
}

/// Of a method that comes after another one, which must not have begun.
std::string error_of(const EvaluationInputs& inputs, const std::string& method) {
  EvaluationConfig config;
  config.methods = "clustering," + method;
  Log log([](Level, const std::string& message) { ADD_FAILURE() << message; });
  try {
    evaluate(inputs, config, log);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(Methods, SayWhatTheDataLacksBeforeAnythingIsJudged) {
  EvaluationInputs inputs = make_inputs();
  inputs.test_label = at::zeros({240}, at::kLong);
  EXPECT_EQ(error_of(inputs, "verification"),
            "memory: expected at least two pairs of test images of one class and of two classes "
            "to verify, found 28680 and 0");
  EXPECT_EQ(error_of(inputs, "open_set"),
            "memory: expected at least 5 classes with training and test images for the open-set "
            "protocol, found 1");
  for (SplitFeatures* source : {&inputs.encoder, &inputs.untrained, &inputs.raw_pixels}) {
    source->test = source->test.narrow(0, 0, 8);
  }
  inputs.test_label = at::arange(8, at::kLong);
  EXPECT_EQ(error_of(inputs, "retrieval"),
            "memory: expected test images of one class to retrieve each other, found one of each "
            "class among the 8 queries");
  EXPECT_EQ(error_of(inputs, "open_set"),
            "memory: expected at least 10 test images of classes that are never enrolled, found "
            "3");
}

}  // namespace
}  // namespace nearfar
