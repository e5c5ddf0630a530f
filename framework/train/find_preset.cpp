// Looking presets up.
#include "framework/train/find_preset.h"

#include <vector>

#include "framework/config/settings.h"
#include "framework/error.h"

namespace nearfar {

const Json& find_preset(const RecipeLibrary& library, const std::string& name) {
  const Json* presets = library.presets.find("presets");
  const Json* preset = presets == nullptr ? nullptr : presets->find(name);
  if (preset != nullptr) return *preset;
  std::vector<std::string> names;
  if (presets != nullptr) {
    for (const auto& member : presets->members()) names.push_back(member.first);
  }
  const std::string near = nearest_name(name, names);
  throw ConfigError("preset \"" + name + "\": recipe " + library.plugin->name +
                    " has no such preset" +
                    (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
}

}  // namespace nearfar
