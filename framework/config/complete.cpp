// What settings imply: the values that a chosen name stands for, and groups that follow others.
#include <algorithm>

#include "framework/config/declared_keys.h"
#include "framework/config/leaves.h"
#include "framework/config/settings.h"

namespace nearfar {
namespace {

using Values = std::map<std::string, Json>;

/// Full keys and values that `name` stands for; none when it is unknown.
Values values_of(const DeclaredKeys::NamedValues& rule, const std::string& name) {
  const Json object = to_json([&](Fields& field) { rule.describe(name, field); });
  Values values;
  for (const auto& [key, value] : leaves_of(object)) values[rule.group + key] = *value;
  return values;
}

/// Whether a named value only repeats that of the group that its own group follows: a setting of
/// the leader then reaches the follower.
bool repeats_leader(const std::string& key, const Values& values,
                    const std::vector<DeclaredKeys::Follow>& follows) {
  return std::any_of(follows.begin(), follows.end(), [&](const DeclaredKeys::Follow& rule) {
    if (!key.starts_with(rule.follower)) return false;
    const auto led = values.find(rule.leader + key.substr(rule.follower.size()));
    return led != values.end() && led->second == values.at(key);
  });
}

}  // namespace

Settings Settings::completed(const Describe& describe) const {
  DeclaredKeys declared;
  describe(declared);
  Settings whole = *this;
  for (const auto& rule : declared.named) {
    const Setting chosen = whole.chosen_name(rule.key, rule.chosen);
    const Values values = values_of(rule, chosen.value.as_string());
    for (const auto& [key, value] : values) {
      const auto given = whole.settings_.find(key);
      const bool stays = given != whole.settings_.end() &&
                         (given->second.layer >= chosen.layer || key.ends_with("." + rule.kept));
      if (stays) continue;
      whole.settings_.erase(key);
      if (repeats_leader(key, values, declared.follows)) continue;
      whole.settings_[key] = {value, chosen.origin, chosen.layer, ""};
    }
  }
  for (const auto& rule : declared.follows) whole.follow(rule.follower, rule.leader);
  return whole;
}

Settings::Setting Settings::chosen_name(const std::string& key, const std::string& unset) const {
  const auto found = settings_.find(key);
  if (found == settings_.end()) return {Json(unset), kDefaultOrigin, 0, ""};
  const auto& [value, origin, layer, word] = found->second;
  const std::string& name = value.is_string() ? value.as_string() : word;
  return {Json(name), key + "=" + name, layer, ""};
}

void Settings::follow(const std::string& follower, const std::string& leader) {
  const std::map<std::string, Setting> before = settings_;
  for (const auto& [key, setting] : before) {
    if (!key.starts_with(leader)) continue;
    Setting copy = setting;
    if (copy.origin != kDefaultOrigin) copy.origin = "as " + key;
    settings_.try_emplace(follower + key.substr(leader.size()), std::move(copy));
  }
}

}  // namespace nearfar
