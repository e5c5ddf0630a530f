// Settings and environment of a run as tables.
#pragma once

#include <string>
#include <vector>

#include "framework/json/json.h"

namespace nearfar {

struct SettingRow {
  std::string key;    // dotted
  std::string value;  // as JSON
  std::string usual;  // the default, as JSON; empty: not known
  std::string origin;
  bool changed = false;
};

/// All settings of a resolved config, in its order. `defaults` has the same form or is null, then
/// every setting counts as changed; `origins` maps dotted keys to words or is null.
std::vector<SettingRow> setting_rows(const Json& config, const Json& defaults, const Json& origins);

/// Two tables: the changed settings, and behind a fold all of them.
std::string settings_part(const std::vector<SettingRow>& rows);

/// Names and values of environment.json, "origins" aside.
std::string environment_part(const Json& environment);

}  // namespace nearfar
