// Lists of texts: what they take, from files and from words.
#include <gtest/gtest.h>

#include "framework/error.h"
#include "tests/framework/config/example.h"

namespace nearfar {
namespace {

using Texts = std::vector<std::string>;

Texts classes_of(const Settings& settings) {
  ExampleConfig config;
  settings.apply(describe(config));
  return config.train.classes;
}

Texts from_word(const std::string& assignment) {
  Settings settings;
  settings.add_assignment(assignment, "command line");
  return classes_of(settings);
}

TEST(Texts, ComeFromFilesAndWords) {
  Settings settings;
  EXPECT_EQ(classes_of(settings), Texts{"cat"});
  settings.add_layer(parse_json(R"({"train": {"classes": ["owl", 7, ""]}})", "f.json"), "file");
  EXPECT_EQ(classes_of(settings), (Texts{"owl", "7", ""}));
  EXPECT_EQ(from_word("train.classes=[\"T-shirt, top\",-1]"), (Texts{"T-shirt, top", "-1"}));
  EXPECT_EQ(from_word("train.classes=[]"), Texts{});
}

TEST(Texts, AreReadAsTheyAreWritten) {
  ExampleConfig config;
  config.train.classes = {"1", "a \"b\"", ""};
  Settings settings;
  settings.add_layer(to_json(describe(config)), "run");
  EXPECT_EQ(classes_of(settings), config.train.classes);
}

TEST(Texts, NothingElseIsTaken) {
  for (const auto& [assignment, refusal] : std::vector<std::pair<std::string, std::string>>{
           {"train.classes=[cat,dog]",
            R"(expected a list of texts as in ["a", "b"], found "[cat,dog]")"},
           {"train.classes=1", R"(expected a list of texts as in ["a", "b"], found 1)"}}) {
    try {
      from_word(assignment);
      FAIL() << "expected a ConfigError";
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.what(), "command line: train.classes: " + refusal);
    }
  }
  for (const char* item : {"1.5", "true", "[1]", "null"}) {
    try {
      from_word("train.classes=[\"cat\"," + std::string(item) + "]");
      FAIL() << "expected a ConfigError";
    } catch (const ConfigError& error) {
      const std::string text = error.what();
      EXPECT_TRUE(text.starts_with("command line: train.classes[1]: expected a string, found "))
          << text;
    }
  }
}

}  // namespace
}  // namespace nearfar
