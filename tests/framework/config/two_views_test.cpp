// A named view policy under single keys: which layer wins, what the second view follows, where
// values come from, and that a written config reads back the same.
#include "augment/two_views.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "framework/config/listing.h"
#include "framework/config/settings.h"
#include "framework/error.h"

namespace nearfar {
namespace {

/// A config with two views one group deep, as in a recipe.
struct ViewsConfig {
  struct Recipe {
    TwoViews views;
    void describe(auto& field) { views.describe(field); }
  } recipe;
  void describe(auto& field) { field("recipe", recipe, "the method"); }
};

Describe describe(ViewsConfig& config) {
  return [&config](Fields& fields) { config.describe(fields); };
}

/// Settings of a preset, a file and the command line, weakest first.
Settings layers(const std::string& preset, const std::string& file,
                const std::vector<std::string>& assignments) {
  Settings settings;
  settings.add_layer(parse_json(preset, "p.json"), "preset p");
  settings.add_layer(parse_json(file, "f.json"), "file f.json");
  for (const auto& assignment : assignments) settings.add_assignment(assignment, "command line");
  return settings;
}

TwoViews read(const Settings& settings) {
  ViewsConfig config;
  settings.apply(describe(config));
  return config.recipe.views;
}

TwoViews with(const std::vector<std::string>& assignments) {
  return read(layers("{}", "{}", assignments));
}

std::string origin(const Settings& settings, const std::string& key) {
  ViewsConfig config;
  return settings.completed(describe(config)).origin(key);
}

Json json_of(ViewPolicy policy) {
  return to_json([&policy](Fields& field) { policy.describe(field); });
}

TEST(TwoViewsConfig, StartsAsTheNamedPolicy) {
  for (const ViewPreset& preset : view_presets()) {
    SCOPED_TRACE(preset.name);
    const TwoViews views = with({"recipe.policy=" + preset.name});
    EXPECT_EQ(views.policy, preset.name);
    EXPECT_EQ(json_of(views.first), json_of(preset.views.front()));
    EXPECT_EQ(json_of(views.second), json_of(preset.views[preset.views.size() > 1 ? 1 : 0]));
  }
  EXPECT_EQ(json_of(with({}).first), json_of(ViewPolicy()));
  EXPECT_EQ(json_of(with({}).second), json_of(ViewPolicy()));
}

TEST(TwoViewsConfig, KeysOfTheNamingLayerHoldInAnyOrder) {
  for (const bool policy_first : {true, false}) {
    std::vector<std::string> words = {"recipe.policy=moco_v2", "recipe.view.brightness=0.3"};
    if (!policy_first) std::swap(words[0], words[1]);
    const TwoViews views = with(words);
    EXPECT_EQ(views.first.brightness, 0.3);
    EXPECT_EQ(views.first.contrast, 0.4);
    EXPECT_EQ(views.first.crop_min, 0.2);
  }
}

TEST(TwoViewsConfig, ANameOverrulesEarlierLayersButTheirSize) {
  const std::string file = R"({"recipe": {"view": {"size": 96, "brightness": 0.1, "flip": 0.3},
                                          "second_view": {"blur": 0.7, "contrast": 0.7}}})";
  const Settings settings = layers("{}", file, {"recipe.policy=moco_v2", "recipe.view.flip=0"});
  const TwoViews views = read(settings);
  EXPECT_EQ(views.first.size, 96);
  EXPECT_EQ(views.second.size, 96);
  EXPECT_EQ(views.first.brightness, 0.4);
  EXPECT_EQ(views.first.flip, 0.0);
  EXPECT_EQ(views.second.flip, 0.0);
  EXPECT_EQ(views.second.blur, 0.5);
  EXPECT_EQ(views.second.contrast, 0.4);
}

TEST(TwoViewsConfig, LaterLayersChangeSingleKeysOfANamedPolicy) {
  const Settings settings = layers(R"({"recipe": {"policy": "byol", "view": {"hue": 0}}})",
                                   R"({"recipe": {"view": {"size": 32, "saturation": 0}}})", {});
  const TwoViews views = read(settings);
  EXPECT_EQ(views.policy, "byol");
  EXPECT_EQ(views.first.size, 32);
  EXPECT_EQ(views.first.hue, 0.0);
  EXPECT_EQ(views.first.saturation, 0.0);
  EXPECT_EQ(views.first.interpolation, "bicubic");
  EXPECT_EQ(views.first.blur, 1.0);
}

TEST(TwoViewsConfig, TheSecondViewFollowsTheFirst) {
  const TwoViews views = with({"recipe.view.size=48", "recipe.view.interpolation=bicubic",
                               "recipe.second_view.solarize=0.2"});
  EXPECT_EQ(views.second.size, 48);
  EXPECT_EQ(views.second.interpolation, "bicubic");
  EXPECT_EQ(views.second.solarize, 0.2);
  EXPECT_EQ(views.first.solarize, 0.0);
}

TEST(TwoViewsConfig, WhatTheSecondViewHasOfItsOwnStays) {
  const TwoViews named =
      with({"recipe.policy=byol", "recipe.view.blur=0.5", "recipe.view.crop_min=0.3"});
  EXPECT_EQ(named.first.blur, 0.5);
  EXPECT_EQ(named.second.blur, 0.1);
  EXPECT_EQ(named.second.crop_min, 0.3);
  const TwoViews set =
      read(layers(R"({"recipe": {"second_view": {"blur": 0.2}}})", "{}", {"recipe.view.blur=0"}));
  EXPECT_EQ(set.first.blur, 0.0);
  EXPECT_EQ(set.second.blur, 0.2);
}

/// A run's config.json, as a layer, under later settings.
Settings from_saved(const Settings& run, const std::vector<std::string>& assignments) {
  ViewsConfig config;
  run.apply(describe(config));
  return layers("{}", to_text(to_json(describe(config))), assignments);
}

TEST(TwoViewsConfig, TheSecondViewFollowsTheFirstFromASavedConfig) {
  const Settings next =
      from_saved(layers("{}", "{}", {}), {"recipe.view.size=96", "recipe.view.blur=0"});
  const TwoViews views = read(next);
  EXPECT_EQ(views.second.size, 96);
  EXPECT_EQ(views.second.blur, 0.0);
  EXPECT_EQ(json_of(views.second), json_of(views.first));
  EXPECT_EQ(origin(next, "recipe.second_view.size"), "as recipe.view.size");
  EXPECT_EQ(origin(next, "recipe.second_view.flip"), "file f.json");
  // Two layers over it.
  Settings third = next;
  third.add_layer(parse_json(R"({"recipe": {"view": {"size": 64}}})", "g.json"), "file g.json");
  EXPECT_EQ(read(third).second.size, 64);
}

TEST(TwoViewsConfig, WhatASavedConfigHasOtherwiseInTheSecondViewStays) {
  const Settings run = layers("{}", "{}", {"recipe.second_view.blur=0.2"});
  EXPECT_EQ(read(from_saved(run, {"recipe.view.blur=0"})).second.blur, 0.2);
  // Set by itself over a config that has both alike, or only equal to what it would follow.
  const Settings next = from_saved(layers("{}", "{}", {}), {"recipe.second_view.blur=0.5"});
  EXPECT_EQ(
      read(from_saved(next, {"recipe.second_view.blur=0.3", "recipe.view.blur=0"})).second.blur,
      0.3);
  Settings both = next;
  both.add_layer(parse_json(R"({"recipe": {"view": {"blur": 0}}})", "g.json"), "file g.json");
  EXPECT_EQ(read(both).second.blur, 0.5);
  // BYOL's second view has solarisation and blur of its own, also where the first came to equal it.
  const Settings byol = layers("{}", "{}", {"recipe.policy=byol", "recipe.view.blur=0.1"});
  const TwoViews views = read(from_saved(byol, {"recipe.view.blur=0.7", "recipe.view.hue=0"}));
  EXPECT_EQ(views.first.blur, 0.7);
  EXPECT_EQ(views.second.blur, 0.1);
  EXPECT_EQ(views.second.hue, 0.0);
}

TEST(TwoViewsConfig, EveryValueHasItsOrigin) {
  const Settings settings =
      layers(R"({"recipe": {"view": {"size": 32, "hue": 0.3, "contrast": 0.1}}})",
             R"({"recipe": {"policy": "byol"}})", {"recipe.view.contrast=0.2"});
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"recipe.policy", "file f.json"},
      {"recipe.view.size", "preset p"},
      {"recipe.view.hue", "recipe.policy=byol"},
      {"recipe.view.contrast", "command line"},
      {"recipe.second_view.size", "as recipe.view.size"},
      {"recipe.second_view.hue", "as recipe.view.hue"},
      {"recipe.second_view.contrast", "as recipe.view.contrast"},
      {"recipe.second_view.blur", "recipe.policy=byol"}};
  for (const auto& [key, where] : expected) EXPECT_EQ(origin(settings, key), where) << key;
  const Settings none = layers("{}", "{}", {});
  for (const std::string key : {"policy", "view.hue", "second_view.hue", "second_view.size"}) {
    EXPECT_EQ(origin(none, "recipe." + key), "default") << key;
  }
}

std::string refusal(const std::vector<std::string>& assignments) {
  try {
    with(assignments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TwoViewsConfig, MistakesAreNamedWhereTheyWereMade) {
  EXPECT_EQ(refusal({"recipe.policy=moco_v3"}),
            "command line: recipe.policy: \"moco_v3\" is not one of simclr | simclr_cifar | "
            "moco_v1 | moco_v2 | byol | swav | dino | npid; did you mean \"moco_v1\"?");
  EXPECT_EQ(refusal({"recipe.policy=7"}),
            "command line: recipe.policy: \"7\" is not one of simclr | simclr_cifar | moco_v1 | "
            "moco_v2 | byol | swav | dino | npid");
  EXPECT_EQ(refusal({"recipe.view.blr=1"}),
            "command line: recipe.view.blr: unknown key; did you mean \"recipe.view.blur\"?");
  EXPECT_EQ(refusal({"recipe.view.blur=2"}), "command line: recipe.view.blur: 2 is outside [0, 1]");
  EXPECT_EQ(refusal({"recipe.second_view.blur=2"}),
            "command line: recipe.second_view.blur: 2 is outside [0, 1]");
  EXPECT_THROW(TwoViews("moco"), std::invalid_argument);
}

TEST(TwoViewsConfig, KeysAreListedOnceEach) {
  ViewsConfig config;
  ViewPolicy policy;
  const size_t of_a_view = list_keys([&](Fields& field) { policy.describe(field); }).size();
  EXPECT_EQ(list_keys(describe(config), "recipe.view").size(), of_a_view);
  EXPECT_EQ(list_keys(describe(config), "recipe.second_view").size(), of_a_view);
  EXPECT_EQ(list_keys(describe(config)).size(), 2 * of_a_view + 1);
  const Json schema = to_schema(describe(config), "views");
  const Json& recipe = schema.at("properties").at("recipe").at("properties");
  EXPECT_EQ(recipe.at("policy").at("enum").items().size(), view_presets().size());
  EXPECT_EQ(recipe.at("second_view").at("properties").members().size(), of_a_view);
}

TEST(NamedValues, MayHaveNamesThatReadAsNumbers) {
  std::string edition = "1";
  int64_t pages = 10;
  const Describe describe_book = [&](Fields& field) {
    field("edition", edition, {"1", "2"}, "which");
    field("pages", pages, 1, 1000, "how long");
    field.named_values("edition", edition, "", [](const std::string& name, Fields& values) {
      int64_t of_edition = name == "2" ? 20 : 10;
      values("pages", of_edition, 1, 1000, "");
    });
  };
  Settings settings;
  settings.add_assignment("edition=2", "command line");
  settings.apply(describe_book);
  EXPECT_EQ(edition, "2");
  EXPECT_EQ(pages, 20);
}

RC_GTEST_PROP(TwoViewsConfig, AWrittenConfigReadsBackTheSame, ()) {
  std::vector<std::string> words = {"recipe.policy=" + *rc::gen::elementOf(view_preset_names())};
  for (const std::string key : {"view.blur", "view.hue", "second_view.blur", "second_view.flip"}) {
    if (*rc::gen::arbitrary<bool>()) {
      words.push_back("recipe." + key + "=" + std::to_string(*rc::gen::inRange(0, 5) * 0.1));
    }
  }
  ViewsConfig config;
  layers("{}", R"({"recipe": {"view": {"size": 20, "blur": 1}}})", words).apply(describe(config));
  const Json written = to_json(describe(config));
  Settings saved;
  saved.add_layer(parse_json(to_text(written), "config.json"), "file config.json");
  ViewsConfig back;
  saved.apply(describe(back));
  RC_ASSERT(to_json(describe(back)) == written);
}

/// Random settings of the first view and, sometimes, another policy.
std::vector<std::string> words_of_the_first_view() {
  std::vector<std::string> words;
  if (*rc::gen::arbitrary<bool>()) {
    words.push_back("recipe.policy=" + *rc::gen::elementOf(view_preset_names()));
  }
  for (const std::string key : {"blur", "hue", "solarize", "flip"}) {
    if (*rc::gen::arbitrary<bool>()) {
      words.push_back("recipe.view." + key + "=" + std::to_string(*rc::gen::inRange(0, 6) * 0.1));
    }
  }
  if (*rc::gen::arbitrary<bool>()) {
    words.push_back("recipe.view.size=" + std::to_string(*rc::gen::inRange(8, 256)));
  }
  return words;
}

/// As long as the second view is not set by itself, it makes no difference whether a run's settings
/// or its config.json are under the next run's. (config.json has the size set, so a later policy
/// does not change it; here the settings do too.)
RC_GTEST_PROP(TwoViewsConfig, ASavedConfigTakesLaterSettingsAsItsOwnDid, ()) {
  std::vector<std::string> words = words_of_the_first_view();
  words.push_back("recipe.view.size=48");
  const Settings run = layers("{}", "{}", words);
  const std::vector<std::string> later = words_of_the_first_view();
  Settings longer = run;
  for (const std::string& word : later) longer.add_assignment(word, "later");
  const TwoViews expected = read(longer), views = read(from_saved(run, later));
  RC_ASSERT(views.policy == expected.policy);
  RC_ASSERT(to_text(json_of(views.first)) == to_text(json_of(expected.first)));
  RC_ASSERT(to_text(json_of(views.second)) == to_text(json_of(expected.second)));
}

}  // namespace
}  // namespace nearfar
