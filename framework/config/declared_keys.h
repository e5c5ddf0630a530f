// What a config struct declares: its keys and groups, and which keys imply others.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/keys.h"

namespace nearfar {

class DeclaredKeys : public DottedFields {
 public:
  /// Fields::named_values with full keys: `chosen` is the target's value, which holds where no
  /// setting chooses.
  struct NamedValues {
    std::string group, key, chosen, kept;
    DescribeNamed describe;
  };
  /// Fields::follow with full names of groups, dots at the end.
  struct Follow {
    std::string follower, leader;
  };

  std::vector<std::string> keys, groups;
  std::vector<NamedValues> named;
  std::vector<Follow> follows;

  void named_values(const char* name, const std::string& chosen, const char* kept,
                    const DescribeNamed& describe) override {
    named.push_back({key_of(""), key_of(name), chosen, kept, describe});
  }
  void follow(const char* follower, const char* leader) override {
    follows.push_back({key_of(follower) + ".", key_of(leader) + "."});
  }

 protected:
  void real(const char* name, double&, double, double, const char*) override { add(name); }
  void integer(const char* name, int64_t&, int64_t, int64_t, const char*) override { add(name); }
  void boolean(const char* name, bool&, const char*) override { add(name); }
  void text(const char* name, std::string&, std::vector<std::string>, const char*) override {
    add(name);
  }
  void reals(const char* name, std::vector<double>&, double, double, const char*) override {
    add(name);
  }
  void integers(const char* name, std::vector<int64_t>&, int64_t, int64_t, const char*) override {
    add(name);
  }
  void texts(const char* name, std::vector<std::string>&, const char*) override { add(name); }
  void begin_group(const char* name, const char* help) override {
    groups.push_back(key_of(name));
    DottedFields::begin_group(name, help);
  }

 private:
  /// Throws std::logic_error when the key was declared before.
  void add(const char* name) {
    std::string key = key_of(name);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
      throw std::logic_error("describe: the key " + key + " is declared twice");
    }
    keys.push_back(std::move(key));
  }
};

}  // namespace nearfar
