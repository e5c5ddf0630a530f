// Settings from every source into a config: what wins, what is read, and the exact words of
// refusals.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include "framework/error.h"
#include "tests/framework/config/example.h"

namespace nearfar {
namespace {

std::string refusal(const Settings& settings) {
  ExampleConfig config;
  try {
    settings.apply(describe(config));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

std::string file_refusal(const std::string& text) {
  Settings settings;
  settings.add_layer(parse_json(text, "simclr.json"), "file simclr.json");
  return refusal(settings);
}

ExampleConfig with(const std::vector<std::string>& assignments) {
  Settings settings;
  for (const auto& assignment : assignments) settings.add_assignment(assignment, "command line");
  ExampleConfig config;
  settings.apply(describe(config));
  return config;
}

std::string word_refusal(const std::string& assignment) {
  Settings settings;
  settings.add_assignment(assignment, "command line");
  return refusal(settings);
}

/// Sets an environment variable for one test.
class Variable {
 public:
  Variable(std::string name, const char* value) : name_(std::move(name)) {
    setenv(name_.c_str(), value, 1);
  }
  ~Variable() { unsetenv(name_.c_str()); }

 private:
  std::string name_;
};

TEST(Settings, ReadEveryKindFromAFile) {
  Settings settings;
  settings.add_layer(parse_json(R"({
    // every key
    "recipe": {"name": "moco", "temperature": 1, "scale": [0, 0.5],
               "head": {"width": 1e2, "bias": true}},
    "train": {"batch": 64, "steps": [10, 2e1], "limit": 1e9},
    "optimizer": {"name": "lars"}, "device": "cpu"})",
                                "f.json"),
                     "file f.json");
  ExampleConfig config;
  settings.apply(describe(config));
  EXPECT_EQ(config.recipe.name, "moco");
  EXPECT_EQ(config.recipe.temperature, 1.0);
  EXPECT_EQ(config.recipe.scale, (std::vector<double>{0.0, 0.5}));
  EXPECT_EQ(config.recipe.head.width, 100);
  EXPECT_TRUE(config.recipe.head.bias);
  EXPECT_EQ(config.train.batch, 64);
  EXPECT_EQ(config.train.steps, (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(config.train.limit, 1e9);
  EXPECT_EQ(config.optimizer.name, "lars");
  EXPECT_EQ(config.device, "cpu");
}

TEST(Settings, UnknownKeysNameTheNearest) {
  const std::string text = R"({
  "train": {"batch": 64},
  "recipe": {
    "temprature": 0.5
  }
})";
  EXPECT_EQ(file_refusal(text),
            "simclr.json:4:5: recipe.temprature: unknown key; did you mean "
            "\"recipe.temperature\"?");
  EXPECT_EQ(file_refusal(R"({"recpie": {"temperature": 0.5}})"),
            "simclr.json:1:13: recpie.temperature: unknown key; did you mean "
            "\"recipe.temperature\"?");
  EXPECT_EQ(file_refusal(R"({"temperature": 0.5})"),
            "simclr.json:1:2: temperature: unknown key; did you mean \"recipe.temperature\"?");
  EXPECT_EQ(file_refusal(R"({"train": {"zebra": 1}})"),
            "simclr.json:1:12: train.zebra: unknown key");
  EXPECT_EQ(word_refusal("train.bacth=3"),
            "command line: train.bacth: unknown key; did you mean \"train.batch\"?");
  EXPECT_EQ(word_refusal("train=3"), "command line: train: expected a group of keys, found 3");
}

TEST(Settings, ValuesOutsideTheRangeAreRefused) {
  EXPECT_EQ(file_refusal("{\"recipe\": {\n    \"temperature\": 0}}"),
            "simclr.json:2:5: recipe.temperature: 0 is outside [0.001, 10]");
  EXPECT_EQ(file_refusal(R"({"recipe": {"temperature": 10.000001}})"),
            "simclr.json:1:13: recipe.temperature: 10.000001 is outside [0.001, 10]");
  EXPECT_EQ(word_refusal("train.batch=0"), "command line: train.batch: 0 is outside [1, 1048576]");
  EXPECT_EQ(word_refusal("train.limit=-1"), "command line: train.limit: -1 is outside [0, inf)");
  EXPECT_EQ(word_refusal("train.steps=[5,-1]"),
            "command line: train.steps[1]: -1 is outside [0, inf)");
  EXPECT_EQ(file_refusal(R"({"recipe": {"scale": [0.5, 1.5]}})"),
            "simclr.json:1:28: recipe.scale[1]: 1.5 is outside [0, 1]");
}

TEST(Settings, TheEndsOfARangeAreInside) {
  EXPECT_EQ(with({"recipe.temperature=0.001"}).recipe.temperature, 0.001);
  EXPECT_EQ(with({"recipe.temperature=10"}).recipe.temperature, 10.0);
  EXPECT_EQ(with({"train.batch=1"}).train.batch, 1);
  EXPECT_EQ(with({"train.batch=1048576"}).train.batch, 1048576);
}

TEST(Settings, WrongKindsAreRefused) {
  EXPECT_EQ(word_refusal("train.batch=many"),
            "command line: train.batch: expected an integer, found \"many\"");
  EXPECT_EQ(word_refusal("train.batch=1.5"),
            "command line: train.batch: expected an integer, found 1.5");
  EXPECT_EQ(word_refusal("train.batch=1e300"),
            "command line: train.batch: expected an integer, found 1e+300");
  EXPECT_EQ(word_refusal("train.batch="),
            "command line: train.batch: expected an integer, found \"\"");
  EXPECT_EQ(word_refusal("train.batch=5//x"),
            "command line: train.batch: expected an integer, found \"5//x\"");
  EXPECT_EQ(word_refusal("recipe.temperature=true"),
            "command line: recipe.temperature: expected a number, found true");
  EXPECT_EQ(word_refusal("recipe.head.bias=1"),
            "command line: recipe.head.bias: expected true or false, found 1");
  EXPECT_EQ(word_refusal("recipe.scale=0.5"),
            "command line: recipe.scale: expected a list of numbers, found 0.5");
  EXPECT_EQ(word_refusal("train.steps=[1,\"two\"]"),
            "command line: train.steps[1]: expected an integer, found \"two\"");
  EXPECT_EQ(file_refusal(R"({"recipe": {"name": 18}})"),
            "simclr.json:1:13: recipe.name: expected a string, found 18");
  EXPECT_EQ(file_refusal(R"({"device": null})"),
            "simclr.json:1:2: device: expected a string, found null");
}

TEST(Settings, EmptyGroupsAreGroupsOnly) {
  EXPECT_EQ(file_refusal(R"({"recipe": {}, "train": {}})"), "accepted");
  EXPECT_EQ(file_refusal(R"({"recpie": {}})"),
            "simclr.json:1:2: recpie: unknown key; did you mean \"recipe\"?");
  EXPECT_EQ(file_refusal(R"({"device": {}})"),
            "simclr.json:1:2: device: expected a string, found an object");
  EXPECT_EQ(file_refusal(R"({"train": {"batch": {"x": 1}}})"),
            "simclr.json:1:22: train.batch.x: unknown key; did you mean \"train.batch\"?");
}

TEST(Settings, ChoicesAreListed) {
  EXPECT_EQ(word_refusal("optimizer.name=lars2"),
            "command line: optimizer.name: \"lars2\" is not one of sgd | lars; did you mean "
            "\"lars\"?");
  EXPECT_EQ(file_refusal(R"({"device": "gpu7"})"),
            "simclr.json:1:2: device: \"gpu7\" is not one of cpu | cuda | auto");
}

TEST(Settings, WordsBecomeTextWhereTextIsAskedFor) {
  EXPECT_EQ(with({"recipe.name=18"}).recipe.name, "18");
  EXPECT_EQ(with({"recipe.name=1e3"}).recipe.name, "1e3");
  EXPECT_EQ(with({"recipe.name=true"}).recipe.name, "true");
  EXPECT_EQ(with({"recipe.name=\"quoted\""}).recipe.name, "quoted");
  EXPECT_EQ(with({"recipe.name=a=b"}).recipe.name, "a=b");
  EXPECT_EQ(with({"recipe.name=//server/x"}).recipe.name, "//server/x");
  EXPECT_EQ(with({"recipe.name="}).recipe.name, "");
}

TEST(Settings, AnAssignmentMayHoldAGroup) {
  const ExampleConfig config = with({R"(train={"batch": 8, "steps": [1]})"});
  EXPECT_EQ(config.train.batch, 8);
  EXPECT_EQ(config.train.steps, std::vector<int64_t>{1});
}

TEST(Settings, AnAssignmentNeedsAnEqualsSign) {
  Settings settings;
  for (const std::string word : {"train.batch", "=3"}) {
    try {
      settings.add_assignment(word, "command line");
      ADD_FAILURE() << word << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.what(), "command line: expected KEY=VALUE, found \"" + word + "\"");
    }
  }
}

TEST(Settings, LaterLayersWinAndAreRemembered) {
  Settings settings;
  settings.add_layer(
      parse_json(R"({"recipe": {"temperature": 0.5, "name": "a"}, "device": "cpu"})", "preset"),
      "preset simclr/cifar");
  settings.add_layer(parse_json(R"({"recipe": {"temperature": 0.2}})", "x.json"), "file x.json");
  settings.add_assignment("recipe.name=7", "command line");
  settings.add_layer(Json::object({{"recipe", Json::object({{"name", "b"}})}}), "last");
  ExampleConfig config;
  settings.apply(describe(config));
  EXPECT_EQ(config.recipe.temperature, 0.2);
  EXPECT_EQ(config.recipe.name, "b");
  EXPECT_EQ(settings.origin("recipe.temperature"), "file x.json");
  EXPECT_EQ(settings.origin("recipe.name"), "last");
  EXPECT_EQ(settings.origin("device"), "preset simclr/cifar");
  EXPECT_EQ(settings.origin("train.batch"), "default");
  ASSERT_NE(settings.find("recipe.temperature"), nullptr);
  EXPECT_EQ(settings.find("recipe.temperature")->place(), "x.json:1:13");
  EXPECT_EQ(settings.find("train.batch"), nullptr);
  EXPECT_EQ(settings.settings().size(), 3u);
}

TEST(Settings, ATypedWordIsForgottenWhenALaterLayerWins) {
  Settings settings;
  settings.add_assignment("recipe.name=7", "command line");
  settings.add_layer(Json::object({{"recipe", Json::object({{"name", 8}})}}), "resume");
  EXPECT_EQ(refusal(settings), "resume: recipe.name: expected a string, found 8");
}

TEST(Settings, ALayerIsAnObjectWithoutDoubleKeys) {
  Settings settings;
  try {
    settings.add_layer(parse_json("[1]", "f.json"), "file f.json");
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "f.json:1:1: expected an object of settings, found [1]");
  }
  try {
    settings.add_layer(parse_json(R"({"train": {"batch": 1}, "train.batch": 2})", "f.json"), "f");
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "f.json:1:25: train.batch: set twice");
  }
}

TEST(Settings, TheEnvironmentSetsKeys) {
  const Variable batch("NEARFAR_TRAIN__BATCH", "64");
  const Variable name("NEARFAR_RECIPE__NAME", "9");
  const Variable scale("NEARFAR_RECIPE__SCALE", "[0.1, 0.9]");
  const Variable path("NEARFAR_PLUGIN_PATH", "/somewhere");
  Settings settings;
  settings.add_environment({"NEARFAR_PLUGIN_PATH"});
  ExampleConfig config;
  settings.apply(describe(config));
  EXPECT_EQ(config.train.batch, 64);
  EXPECT_EQ(config.recipe.name, "9");
  EXPECT_EQ(config.recipe.scale, (std::vector<double>{0.1, 0.9}));
  EXPECT_EQ(settings.origin("train.batch"), "environment NEARFAR_TRAIN__BATCH");
}

TEST(Settings, TheEnvironmentIsCheckedLikeAFile) {
  {
    const Variable unknown("NEARFAR_TRAIN__BACTH", "64");
    Settings settings;
    settings.add_environment({});
    EXPECT_EQ(refusal(settings),
              "environment NEARFAR_TRAIN__BACTH: train.bacth: unknown key; did you mean "
              "\"train.batch\"?");
  }
  const Variable wrong("NEARFAR_TRAIN__BATCH", "");
  Settings settings;
  settings.add_environment({});
  EXPECT_EQ(refusal(settings),
            "environment NEARFAR_TRAIN__BATCH: train.batch: expected an integer, found \"\"");
}

TEST(Settings, AKeyDeclaredTwiceIsAMistakeOfTheProgram) {
  double value = 0.0;
  const Settings settings;
  EXPECT_THROW(settings.apply([&](Fields& field) {
    field("a", value, 0.0, 1.0, "");
    field("a", value, 0.0, 1.0, "");
  }),
               std::logic_error);
}

RC_GTEST_PROP(Settings, AWrittenConfigReadsBackTheSame, ()) {
  ExampleConfig config;
  config.recipe.name = *rc::gen::element<std::string>("", "17", "a b", "\"q\"", "é=/");
  config.recipe.temperature = *rc::gen::inRange(1, 1000) / 333.0;
  config.recipe.scale.assign(*rc::gen::inRange(0, 4), 1.0 / 3.0);
  config.recipe.head.width = *rc::gen::inRange(1, 4097);
  config.recipe.head.bias = *rc::gen::arbitrary<bool>();
  config.train.steps.assign(*rc::gen::inRange(0, 4), *rc::gen::inRange(0, 99));
  config.device = *rc::gen::element<std::string>("cpu", "cuda", "auto");
  const Json written = to_json(describe(config));
  Settings settings;
  settings.add_layer(parse_json(to_text(written), "config.json"), "file config.json");
  ExampleConfig back;
  settings.apply(describe(back));
  RC_ASSERT(to_json(describe(back)) == written);
}

}  // namespace
}  // namespace nearfar
