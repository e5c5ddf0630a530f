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

/// The leader's key that the key of a follower follows, or "" for any other key.
std::string leader_of(const std::string& key, const std::vector<DeclaredKeys::Follow>& follows) {
  for (const DeclaredKeys::Follow& rule : follows) {
    if (key.starts_with(rule.follower)) return rule.leader + key.substr(rule.follower.size());
  }
  return "";
}

}  // namespace

Settings Settings::completed(const Describe& describe) const {
  DeclaredKeys declared;
  describe(declared);
  Settings whole = *this;
  std::set<std::string> distinct;  // keys that a chosen name gives another value than their leaders
  for (const auto& rule : declared.named) {
    const Setting chosen = whole.chosen_name(rule.key, rule.chosen);
    const Values values = values_of(rule, chosen.value.as_string());
    for (const auto& [key, value] : values) {
      const auto led = values.find(leader_of(key, declared.follows));
      // A setting of the leader reaches a follower whose named value only repeats the leader's.
      const bool repeats = led != values.end() && led->second == value;
      if (led != values.end() && !repeats) distinct.insert(key);
      const auto given = whole.settings_.find(key);
      const bool stays = given != whole.settings_.end() &&
                         (given->second.layer >= chosen.layer || key.ends_with("." + rule.kept));
      if (stays) continue;
      whole.settings_.erase(key);
      if (!repeats) whole.settings_[key] = {value, chosen.origin, chosen.layer, ""};
    }
  }
  for (const auto& rule : declared.follows) {
    whole.drop_repeats(rule.follower, rule.leader, distinct);
    whole.follow(rule.follower, rule.leader);
  }
  return whole;
}

Settings::Setting Settings::chosen_name(const std::string& key, const std::string& unset) const {
  const auto found = settings_.find(key);
  if (found == settings_.end()) return {Json(unset), kDefaultOrigin, 0, ""};
  const auto& [value, origin, layer, word] = found->second;
  const std::string& name = value.is_string() ? value.as_string() : word;
  return {Json(name), key + "=" + name, layer, ""};
}

void Settings::drop_repeats(const std::string& follower, const std::string& leader,
                            const std::set<std::string>& distinct) {
  std::erase_if(settings_, [&](const auto& entry) {
    const auto& [key, setting] = entry;
    if (!key.starts_with(follower) || distinct.contains(key)) return false;
    const auto led = settings_.find(leader + key.substr(follower.size()));
    if (led == settings_.end() || led->second.layer <= setting.layer) return false;
    const auto beside = given_.find({led->first, setting.layer});
    return beside != given_.end() && beside->second == setting.value;
  });
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
