// Settings from all their sources (preset, file, environment, command line), merged with origins.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
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
  /// Adds all leaves of a JSON object; `origin` names the layer ("preset simclr/cifar", "file
  /// x.json"). Values keep their place in the text for error messages. Throws ConfigError for
  /// anything but an object and for a key set twice ("a": {"b": 1}, "a.b": 2).
  void add_layer(const Json& object, const std::string& origin);
  /// Adds one `key=value` of the command line. The value is JSON (1e-3, true, [1,2], "text") or,
  /// when it does not parse as JSON, a string; keys that hold text take any word as it was typed.
  /// Throws ConfigError when there is no '='.
  void add_assignment(std::string_view assignment, const std::string& origin);
  /// Adds NEARFAR_TRAIN__BATCH=64 and the like: prefix NEARFAR_, "__" for dots, lower-cased.
  /// Unknown names among them are ConfigErrors at apply(). Names in `ignored` are skipped.
  void add_environment(const std::vector<std::string>& ignored);

  const Json* find(std::string_view key) const;
  const std::map<std::string, Json>& values() const { return values_; }
  /// Origin of a key, "default" when no layer set it.
  std::string origin(std::string_view key) const;

  /// Writes the settings into the config's targets. Unknown keys (with the nearest known name),
  /// wrong kinds, values outside the range or the choices: ConfigError "PLACE: KEY: what", where
  /// PLACE is the place in a file, else the origin. An integral number such as 1e3 is an integer.
  /// Throws std::logic_error when a key is declared twice.
  void apply(const Describe& describe) const;

 private:
  void set(const std::string& key, Json value, const std::string& origin);
  void add_word(const std::string& key, const std::string& word, const std::string& origin);

  std::map<std::string, Json> values_;
  std::map<std::string, std::string> origins_;
  std::map<std::string, std::string> words_;  // as typed, where a word was read as something else
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
