// Opening and setting up a recipe for its examination.
#include "framework/conformance/subject.h"

#include <algorithm>

#include "framework/train/find_preset.h"

namespace nearfar {
namespace {

DatasetInfo made_up_data() {
  DatasetInfo data;
  data.name = data.path = "made-up images";
  data.format = "made up";
  data.height = data.width = 32;
  data.class_names = {"a", "b", "c"};
  data.targets = {"value"};
  return data;
}

std::string chosen_preset(const RunSources& sources, const RecipeLibrary& library,
                          const DatasetInfo& data) {
  if (!sources.preset.empty()) return sources.preset;
  const Json* presets = library.presets.find("presets");
  if (presets == nullptr || presets->members().empty()) return "";
  const std::string fitting = choose_preset(*presets, data, "cpu");
  return fitting.empty() ? presets->members().front().first : fitting;
}

}  // namespace

Subject make_subject(const RunSources& sources) {
  constexpr double kDropPath = 0.3;
  Subject subject;
  subject.library = recipe_of(sources);
  subject.data = made_up_data();
  subject.preset = chosen_preset(sources, subject.library, subject.data);
  Json preset = Json::object();
  if (!subject.preset.empty()) {
    const Json* settings = find_preset(subject.library, subject.preset).find("settings");
    if (settings != nullptr) preset = *settings;
  }
  subject.config = make_run_config(*subject.library.plugin);
  merge_sources(sources, preset, "preset " + subject.preset).apply([&](Fields& field) {
    subject.config.describe(field);
  });
  subject.config.recipe.name = subject.library.plugin->name;
  subject.config.encoder.drop_path = std::max(subject.config.encoder.drop_path, kDropPath);
  return subject;
}

}  // namespace nearfar
