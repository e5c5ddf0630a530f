// Every declared key appears in the JSON, the key list, the schema and the listings.
#include "framework/config/listing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "framework/config/spelling.h"
#include "tests/framework/config/example.h"

namespace nearfar {
namespace {

const Json* find_dotted(const Json& root, const std::string& key, const std::string& between) {
  const Json* value = &root;
  for (size_t begin = 0; begin <= key.size();) {
    const size_t end = std::min(key.find('.', begin), key.size());
    if (!between.empty()) value = value->find(between);
    if (value != nullptr) value = value->find(key.substr(begin, end - begin));
    if (value == nullptr) return nullptr;
    begin = end + 1;
  }
  return value;
}

TEST(Listing, EveryKeyIsEverywhere) {
  ExampleConfig config;
  const Json json = to_json(describe(config));
  const Json schema = to_schema(describe(config), "example");
  const auto keys = list_keys(describe(config));
  const std::string listing = to_listing(describe(config));
  const std::string markdown = to_markdown(describe(config));
  ASSERT_EQ(keys.size(), kExampleKeys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::string& key = kExampleKeys[i];
    EXPECT_EQ(keys[i].key, key);
    const Json* value = find_dotted(json, key, "");
    ASSERT_NE(value, nullptr) << key;
    EXPECT_EQ(to_text(*value, -1), keys[i].value);
    const Json* entry = find_dotted(schema, key, "properties");
    ASSERT_NE(entry, nullptr) << key;
    EXPECT_EQ(entry->at("default"), *value) << key;
    EXPECT_EQ(entry->at("description").as_string(), keys[i].help);
    EXPECT_NE(listing.find("\n" + key + " "), std::string::npos) << key;
    EXPECT_NE(markdown.find("| `" + key + "` | "), std::string::npos) << key;
  }
}

TEST(Listing, JsonIsNestedByGroups) {
  ExampleConfig config;
  EXPECT_EQ(to_text(to_json(describe(config)), -1),
            R"({"recipe":{"name":"simclr","temperature":0.1,"scale":[0.2,1.0],)"
            R"("head":{"width":128,"bias":false}},)"
            R"("train":{"batch":256,"steps":[],"limit":5.0,"classes":["cat"]},)"
            R"("optimizer":{"name":"sgd"},"device":"auto"})");
}

TEST(Listing, KeysHaveTypesAndRanges) {
  ExampleConfig config;
  const auto keys = list_keys(describe(config));
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"string", ""},
      {"number", "[0.001, 10]"},
      {"list of numbers", "[0, 1]"},
      {"integer", "[1, 4096]"},
      {"boolean", ""},
      {"integer", "[1, 1048576]"},
      {"list of integers", "[0, inf)"},
      {"number", "[0, inf)"},
      {"list of texts", ""},
      {"string", "sgd | lars"},
      {"string", "cpu | cuda | auto"}};
  ASSERT_EQ(keys.size(), expected.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(keys[i].type, expected[i].first) << keys[i].key;
    EXPECT_EQ(keys[i].range, expected[i].second) << keys[i].key;
  }
}

TEST(Listing, APrefixSelectsWholeNames) {
  ExampleConfig config;
  const auto names = [&](std::string_view prefix) {
    std::vector<std::string> result;
    for (const auto& key : list_keys(describe(config), prefix)) result.push_back(key.key);
    return result;
  };
  EXPECT_EQ(names("recipe.head"),
            (std::vector<std::string>{"recipe.head.width", "recipe.head.bias"}));
  EXPECT_EQ(names("device"), std::vector<std::string>{"device"});
  EXPECT_TRUE(names("rec").empty());
  EXPECT_EQ(to_listing(describe(config), "rec"), "");
}

TEST(Listing, TheSchemaIsStrict) {
  ExampleConfig config;
  const Json schema = to_schema(describe(config), "example");
  EXPECT_EQ(schema.at("$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema.at("title").as_string(), "example");
  const Json& recipe = schema.at("properties").at("recipe");
  for (const Json* group : {&schema, &recipe, &recipe.at("properties").at("head")}) {
    EXPECT_EQ(group->at("type").as_string(), "object");
    EXPECT_FALSE(group->at("additionalProperties").as_bool());
  }
  EXPECT_EQ(recipe.at("description").as_string(), "the method");
  const auto entry = [&](const std::string& key) {
    return to_text(*find_dotted(schema, key, "properties"), -1);
  };
  EXPECT_EQ(entry("recipe.temperature"),
            R"({"type":"number","minimum":0.001,"maximum":10.0,"default":0.1,)"
            R"("description":"lower punishes near misses harder"})");
  EXPECT_EQ(entry("train.limit"),
            R"({"type":"number","minimum":0.0,"default":5.0,"description":"largest gradient"})");
  EXPECT_EQ(entry("train.steps"),
            R"({"type":"array","items":{"type":"integer","minimum":0},"default":[],)"
            R"("description":"when the rate drops"})");
  EXPECT_EQ(entry("optimizer.name"), R"({"type":"string","enum":["sgd","lars"],"default":"sgd",)"
                                     R"("description":"the update rule"})");
  EXPECT_EQ(entry("recipe.head.bias"),
            R"({"type":"boolean","default":false,"description":"adds a bias to the last layer"})");
}

TEST(Listing, MarkdownEscapesBars) {
  ExampleConfig config;
  EXPECT_EQ(to_markdown(describe(config), "optimizer"),
            "| key | default | range | meaning |\n|---|---|---|---|\n"
            "| `optimizer.name` | `\"sgd\"` | sgd \\| lars | the update rule |\n");
  EXPECT_NE(to_markdown(describe(config)).find("which recipe \\| method"), std::string::npos);
}

TEST(Listing, PlainTextIsAligned) {
  ExampleConfig config;
  EXPECT_EQ(to_listing(describe(config), "recipe.head"),
            "KEY                VALUE  RANGE      MEANING\n"
            "recipe.head.width  128    [1, 4096]  size of the embedding\n"
            "recipe.head.bias   false  boolean    adds a bias to the last layer\n");
}

TEST(Spelling, EditDistanceCountsSwapsOnce) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("batch", "bacth"), 1);
  EXPECT_EQ(edit_distance("ca", "abc"), 3);  // 2 without the rule that no place is edited twice
  EXPECT_EQ(edit_distance("same", "same"), 0);
}

TEST(Spelling, NearestNameKeepsItsDistance) {
  EXPECT_EQ(nearest_name("sdg", {"lars", "sgd"}), "sgd");
  EXPECT_EQ(nearest_name("LARS", {"lars", "sgd"}), "lars");
  EXPECT_EQ(nearest_name("adam", {"lars", "sgd"}), "");
  EXPECT_EQ(nearest_name("x", {"y"}), "");
  EXPECT_EQ(nearest_name("anything", {}), "");
  EXPECT_EQ(nearest_name("moco", {"mocov3", "moco"}), "moco");
}

TEST(Spelling, ALongGroupMakesNothingNear) {
  const std::vector<std::string> known = {"optimizer.name", "optimizer.momentum"};
  EXPECT_EQ(nearest_key("optimizer.zeta", known), "");
  EXPECT_EQ(nearest_key("optimizer.mometnum", known), "optimizer.momentum");
  EXPECT_EQ(nearest_key("optimiser.momentum", known), "optimizer.momentum");
  EXPECT_EQ(nearest_key("momentum", known), "optimizer.momentum");
}

}  // namespace
}  // namespace nearfar
