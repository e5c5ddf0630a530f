// Settings into the targets of a config struct: kinds, ranges and choices checked, keys known.
#include <algorithm>
#include <cmath>
#include <optional>

#include "framework/config/declared_keys.h"
#include "framework/config/ranges.h"
#include "framework/config/settings.h"
#include "framework/config/spelling.h"
#include "framework/error.h"

namespace nearfar {
namespace {

/// The integer a number stands for: 1e3 is 1000, 1.5 and 1e30 are none.
std::optional<int64_t> integer_of(const Json& value) {
  if (value.kind() == Json::Kind::integer) return value.as_int();
  if (value.kind() != Json::Kind::real) return std::nullopt;
  const double real = value.as_double();
  // Beyond 2^53 the digits that were written are no longer known.
  if (std::trunc(real) != real || std::abs(real) > 0x1p53) return std::nullopt;
  return static_cast<int64_t>(real);
}

/// Writes values into the targets.
class Reader : public DottedFields {
 public:
  explicit Reader(const Settings& settings) : settings_(settings) {}

  [[noreturn]] void refuse(const std::string& key, const Json& value,
                           const std::string& what) const {
    // The key of an item, "train.steps[1]", has the origin of its list.
    const std::string origin = settings_.origin(key.substr(0, key.find('[')));
    throw ConfigError((value.place().empty() ? origin : value.place()) + ": " + key + ": " + what);
  }

 protected:
  void real(const char* name, double& target, double low, double high, const char*) override {
    if (const Json* value = find(name)) target = read_real(key_of(name), *value, low, high);
  }
  void integer(const char* name, int64_t& target, int64_t low, int64_t high, const char*) override {
    if (const Json* value = find(name)) target = read_integer(key_of(name), *value, low, high);
  }
  void boolean(const char* name, bool& target, const char*) override {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (value->kind() != Json::Kind::boolean) expected(key_of(name), *value, "true or false");
    target = value->as_bool();
  }
  void text(const char* name, std::string& target, std::vector<std::string> choices,
            const char*) override {
    const Json* value = find(name);
    if (value == nullptr) return;
    std::string chosen = read_text(key_of(name), *value);
    if (!choices.empty() && std::find(choices.begin(), choices.end(), chosen) == choices.end()) {
      refuse(key_of(name), *value,
             summary(Json(chosen)) + " is not one of " + choices_text(choices) +
                 did_you_mean(nearest_name(chosen, choices)));
    }
    target = std::move(chosen);
  }
  void reals(const char* name, std::vector<double>& target, double low, double high,
             const char*) override {
    read_list(name, target, "a list of numbers", [&](const std::string& key, const Json& item) {
      return read_real(key, item, low, high);
    });
  }
  void integers(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                const char*) override {
    read_list(name, target, "a list of integers", [&](const std::string& key, const Json& item) {
      return read_integer(key, item, low, high);
    });
  }
  void texts(const char* name, std::vector<std::string>& target, const char*) override {
    read_list(name, target, R"(a list of texts as in ["a", "b"])",
              [&](const std::string& key, const Json& item) {
                if (item.kind() == Json::Kind::integer) return std::to_string(item.as_int());
                if (!item.is_string()) expected(key, item, "a string");
                return item.as_string();
              });
  }

 private:
  const Json* find(const char* name) const { return settings_.find(key_of(name)); }

  [[noreturn]] void expected(const std::string& key, const Json& value,
                             const std::string& what) const {
    refuse(key, value, "expected " + what + ", found " + summary(value));
  }

  double read_real(const std::string& key, const Json& value, double low, double high) const {
    if (!value.is_number()) expected(key, value, "a number");
    const double number = value.as_double();
    if (number < low || number > high) {
      refuse(key, value, summary(value) + " is outside " + range_text(low, high));
    }
    return number;
  }

  int64_t read_integer(const std::string& key, const Json& value, int64_t low, int64_t high) const {
    const std::optional<int64_t> number = integer_of(value);
    if (!number) expected(key, value, "an integer");
    if (*number < low || *number > high) {
      refuse(key, value, summary(value) + " is outside " + range_text(low, high));
    }
    return *number;
  }

  std::string read_text(const std::string& key, const Json& value) const {
    if (value.is_string()) return value.as_string();
    const std::string& word = settings_.settings().at(key).word;
    if (word.empty()) expected(key, value, "a string");
    return word;
  }

  template <typename Item, typename ReadItem>
  void read_list(const char* name, std::vector<Item>& target, const char* what,
                 ReadItem read_item) const {
    const Json* value = find(name);
    if (value == nullptr) return;
    const std::string key = key_of(name);
    if (!value->is_array()) expected(key, *value, what);
    std::vector<Item> items;
    for (const Json& item : value->items()) {
      items.push_back(read_item(key + "[" + std::to_string(items.size()) + "]", item));
    }
    target = std::move(items);
  }

  const Settings& settings_;
};

}  // namespace

void Settings::apply(const Describe& describe) const {
  DeclaredKeys declared;
  describe(declared);
  const Reader given(*this);
  for (const auto& [key, setting] : settings_) {
    const Json& value = setting.value;
    const auto& keys = declared.keys;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const auto& groups = declared.groups;
    if (std::find(groups.begin(), groups.end(), key) != groups.end()) {
      if (value.is_object()) continue;
      given.refuse(key, value, "expected a group of keys, found " + summary(value));
    }
    const std::string nearest = nearest_key(key, value.is_object() ? groups : keys);
    given.refuse(key, value, "unknown key" + did_you_mean(nearest));
  }
  const Settings whole = completed(describe);
  Reader reader(whole);
  describe(reader);
}

}  // namespace nearfar
