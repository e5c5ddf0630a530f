// Layers of settings: preset, file, environment and command line, the later ones winning.
#include "framework/config/settings.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "framework/config/leaves.h"
#include "framework/error.h"

// POSIX leaves the declaration of the environment to the program.
extern char** environ;

namespace nearfar {
namespace {

constexpr std::string_view kEnvironmentPrefix = "NEARFAR_";

/// "NEARFAR_TRAIN__MICRO_BATCH" is "train.micro_batch".
std::string key_of_variable(std::string_view variable) {
  std::string key(variable.substr(kEnvironmentPrefix.size()));
  for (size_t at = key.find("__"); at != std::string::npos; at = key.find("__", at + 1)) {
    key.replace(at, 2, ".");
  }
  for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

/// A line and column inside of one word help nobody: messages then name the word's origin.
Json without_places(const Json& value) {
  if (value.is_array()) {
    std::vector<Json> items;
    for (const Json& item : value.items()) items.push_back(without_places(item));
    return Json::array(std::move(items));
  }
  if (value.is_object()) {
    std::vector<Json::Member> members;
    for (const auto& [name, member] : value.members()) {
      members.emplace_back(name, without_places(member));
    }
    return Json::object(std::move(members));
  }
  Json copy = value;
  copy.set_place("");
  return copy;
}

}  // namespace

void Settings::add_layer(const Json& object, const std::string& origin) {
  ++layer_;
  assigned_origin_.clear();
  add_leaves(object, origin);
}

void Settings::add_assignment(std::string_view assignment, const std::string& origin) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw ConfigError(origin + ": expected KEY=VALUE, found \"" + std::string(assignment) + "\"");
  }
  if (assigned_origin_ != origin) ++layer_;
  assigned_origin_ = origin;
  add_word(std::string(assignment.substr(0, equals)), std::string(assignment.substr(equals + 1)),
           origin);
}

void Settings::add_environment(const std::vector<std::string>& ignored) {
  ++layer_;
  assigned_origin_.clear();
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::string_view(*entry).starts_with(kEnvironmentPrefix)) entries.emplace_back(*entry);
  }
  std::sort(entries.begin(), entries.end());
  for (const std::string& entry : entries) {
    const size_t equals = std::min(entry.find('='), entry.size());
    const std::string variable = entry.substr(0, equals);
    if (std::find(ignored.begin(), ignored.end(), variable) != ignored.end()) continue;
    add_word(key_of_variable(variable), entry.substr(std::min(equals + 1, entry.size())),
             "environment " + variable);
  }
}

const Json* Settings::find(std::string_view key) const {
  const auto found = settings_.find(std::string(key));
  return found == settings_.end() ? nullptr : &found->second.value;
}

std::string Settings::origin(std::string_view key) const {
  const auto found = settings_.find(std::string(key));
  return found == settings_.end() ? kDefaultOrigin : found->second.origin;
}

void Settings::add_leaves(const Json& object, const std::string& origin) {
  if (!object.is_object()) {
    throw ConfigError((object.place().empty() ? origin : object.place()) +
                      ": expected an object of settings, found " + summary(object));
  }
  std::set<std::string> seen;
  for (const auto& [key, value] : leaves_of(object)) {
    // {"train": {"batch": 1}, "train.batch": 2} is no duplicate to the parser.
    if (!seen.insert(key).second) {
      throw ConfigError((value->place().empty() ? origin : value->place()) + ": " + key +
                        ": set twice");
    }
    set(key, *value, origin, "");
  }
}

void Settings::add_word(const std::string& key, const std::string& word,
                        const std::string& origin) {
  JsonLimits strict;
  strict.comments = false;
  Json value;
  try {
    value = without_places(parse_json(word, origin, strict));
  } catch (const ConfigError&) {
    value = Json(word);
  }
  if (value.is_object()) {
    add_leaves(Json::object({{key, std::move(value)}}), origin);
    return;
  }
  set(key, value, origin, word);
}

void Settings::set(const std::string& key, const Json& value, const std::string& origin,
                   const std::string& word) {
  settings_[key] = {value, origin, layer_, word};
  given_[{key, layer_}] = value;
}

}  // namespace nearfar
