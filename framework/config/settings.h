// Settings from all their sources (preset, file, environment, command line), merged with origins.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/config/fields.h"
#include "framework/json/json.h"

namespace nearfar {

/// Declares all keys of a config: calls field(...) for each, nested structs included.
using Describe = std::function<void(Fields&)>;

/// One key, for listings.
struct KeyInfo {
  std::string key;    // dotted
  std::string type;   // number, integer, boolean, string, list of numbers, list of integers
  std::string range;  // "[0.001, 10]", "a | b", or empty
  std::string value;  // current value as JSON text
  std::string help;
};

/// Dotted keys with values and where each came from, later layers over earlier ones.
class Settings {
 public:
  /// What is known of one key.
  struct Setting {
    Json value;
    std::string origin;
    int layer = 0;     // counts additions from 1; 0 for what is implied by a default
    std::string word;  // as typed, for settings of one word
  };

  /// Adds all leaves of a JSON object; `origin` names the layer ("preset simclr/cifar", "file
  /// x.json"). Values keep their place in the text for error messages. Throws ConfigError for
  /// anything but an object and for a key set twice ("a": {"b": 1}, "a.b": 2).
  void add_layer(const Json& object, const std::string& origin);
  /// Adds one `key=value` of the command line. The value is JSON (1e-3, true, [1,2], "text") or,
  /// when it does not parse as JSON, a string; keys that hold text take any word as it was typed.
  /// Neighbours of one origin are one layer. Throws ConfigError when there is no '='.
  void add_assignment(std::string_view assignment, const std::string& origin);
  /// Adds NEARFAR_TRAIN__BATCH=64 and the like: prefix NEARFAR_, "__" for dots, lower-cased.
  /// Unknown names among them are ConfigErrors at apply(). Names in `ignored` are skipped.
  void add_environment(const std::vector<std::string>& ignored);

  const Json* find(std::string_view key) const;
  const std::map<std::string, Setting>& settings() const { return settings_; }
  /// Origin of a key: of the layer that set it; "KEY=NAME" or "as KEY" for what completed() added;
  /// "default" when there is none.
  std::string origin(std::string_view key) const;

  /// These settings and what they imply: the values that chosen names stand for
  /// (Fields::named_values), then the keys that follow others (Fields::follow).
  Settings completed(const Describe& describe) const;

  /// Writes the completed settings into the config's targets. Unknown keys (with the nearest known
  /// name), wrong kinds, values outside the range or the choices: ConfigError "PLACE: KEY: what",
  /// where PLACE is the place in a file, else the origin. An integral number such as 1e3 is an
  /// integer. Throws std::logic_error when a key is declared twice.
  void apply(const Describe& describe) const;

 private:
  static constexpr const char* kDefaultOrigin = "default";

  void add_leaves(const Json& object, const std::string& origin);
  void add_word(const std::string& key, const std::string& word, const std::string& origin);
  /// Sets a key in the current layer.
  void set(const std::string& key, const Json& value, const std::string& origin,
           const std::string& word);
  /// The name that the text key holds, `unset` where no layer set it, with the origin that the
  /// named values then have.
  Setting chosen_name(const std::string& key, const std::string& unset) const;
  /// Drops the keys of `follower` that a layer set to what it set in `leader` too, when a later one
  /// sets the leader's; those in `distinct` stay. Names of groups with dots at the end.
  void drop_repeats(const std::string& follower, const std::string& leader,
                    const std::set<std::string>& distinct);
  /// Sets the keys of one group that have no value to those of another; names with dots at the end.
  void follow(const std::string& follower, const std::string& leader);

  std::map<std::string, Setting> settings_;
  /// What each layer set: by key and layer, overruled values included.
  std::map<std::pair<std::string, int>, Json> given_;
  int layer_ = 0;
  std::string assigned_origin_;  // of the assignments that the current layer takes
};

/// The config as a JSON object, nested by groups, every default included.
Json to_json(const Describe& describe);
/// All keys under a dotted prefix ("" for all), in declaration order.
std::vector<KeyInfo> list_keys(const Describe& describe, std::string_view prefix = "");
/// JSON Schema (draft 2020-12), additionalProperties false throughout.
Json to_schema(const Describe& describe, const std::string& title);
/// The nearest of the candidates by edit distance, or "" when none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace nearfar
