// Every key says what it means and what it takes, and every preset can be used.
#include <algorithm>

#include "framework/config/declared_keys.h"
#include "framework/config/ranges.h"
#include "framework/conformance/law.h"
#include "framework/first_line.h"
#include "framework/log/quantities.h"
#include "framework/train/miniature.h"

namespace nearfar {
namespace {

constexpr size_t kShortestHelp = 6;  // as the program's own keys

/// The first problem of a declaration.
class Declarations final : public DottedFields {
 public:
  std::string problem;
  int count = 0;

 protected:
  void real(const char* name, double& target, double low, double high, const char* help) override {
    note(name, help);
    ranged(name, target >= low && target <= high, !range_text(low, high).empty() && low < high,
           format_significant(target, 6), range_text(low, high));
  }
  void integer(const char* name, int64_t& target, int64_t low, int64_t high,
               const char* help) override {
    note(name, help);
    ranged(name, target >= low && target <= high, !range_text(low, high).empty() && low < high,
           std::to_string(target), range_text(low, high));
  }
  void boolean(const char* name, bool&, const char* help) override { note(name, help); }
  void text(const char* name, std::string& target, std::vector<std::string> choices,
            const char* help) override {
    note(name, help);
    const bool known =
        choices.empty() || std::find(choices.begin(), choices.end(), target) != choices.end();
    ranged(name, known, true, "\"" + target + "\"", choices_text(choices));
  }
  void reals(const char* name, std::vector<double>& target, double low, double high,
             const char* help) override {
    note(name, help);
    for (const double value : target) {
      ranged(name, value >= low && value <= high, !range_text(low, high).empty() && low < high,
             format_significant(value, 6), range_text(low, high));
    }
  }
  void integers(const char* name, std::vector<int64_t>& target, int64_t low, int64_t high,
                const char* help) override {
    note(name, help);
    for (const int64_t value : target) {
      ranged(name, value >= low && value <= high, !range_text(low, high).empty() && low < high,
             std::to_string(value), range_text(low, high));
    }
  }
  void texts(const char* name, std::vector<std::string>&, const char* help) override {
    note(name, help);
  }
  void begin_group(const char* name, const char* help) override {
    documented(key_of(name), help);
    DottedFields::begin_group(name, help);
  }

 private:
  void note(const char* name, const char* help) {
    ++count;
    documented(key_of(name), help);
  }
  void documented(const std::string& key, const char* help) {
    if (!problem.empty() || (help != nullptr && std::string(help).size() >= kShortestHelp)) return;
    problem = key + ": expected a help text that says what it means, found \"" +
              std::string(help == nullptr ? "" : help) + "\"";
  }
  void ranged(const char* name, bool inside, bool has_range, const std::string& value,
              const std::string& range) {
    if (!problem.empty()) return;
    if (!has_range) {
      problem = key_of(name) + ": expected a range of values, found " +
                (range.empty() ? "any number" : range);
    }
    if (has_range && !inside) {
      problem = key_of(name) + ": its default " + value + " is outside " + range;
    }
  }
};

std::string plugin_problem(const RecipePlugin& plugin) {
  for (const auto& [what, text] :
       {std::pair("name", plugin.name), {"summary", plugin.summary}, {"paper", plugin.paper}}) {
    if (text == nullptr || *text == '\0') {
      return std::string("the plugin has no ") + what + " (NEARFAR_RECIPE's arguments)";
    }
  }
  return "";
}

/// What is wrong with one preset, as settings and as views.
std::string preset_problem(const Subject& subject, const std::string& name, const Json& preset) {
  const Json* source = preset.find("source");
  if (source == nullptr || source->as_string().empty()) {
    return "expected a \"source\" that says where its values are from, found none";
  }
  try {
    RunSources sources;
    sources.environment = false;
    sources.preset = name;
    sources.assignments = {"recipe.name=" + subject.library.path};
    const Subject one = make_subject(sources);
    Json only = Json::object();
    only[name] = preset;
    choose_preset(only, subject.data, "cpu");  // refuses an unknown condition
    SoloGroup group;
    const Miniature small = make_miniature(one.config, one.data, {.batch = 8}, group);
    for (const ViewPolicy& view : small.recipe->views()) {
      const std::string problem = policy_error(view);
      if (!problem.empty()) return "view: " + problem;
    }
  } catch (const std::exception& error) {
    return first_line(error.what());
  }
  return "";
}

Finding examine_keys(const Subject& subject) {
  const RecipePlugin& plugin = *subject.library.plugin;
  const std::string unnamed = plugin_problem(plugin);
  if (!unnamed.empty()) return {Verdict::broken, unnamed};
  const std::shared_ptr<void> config = plugin.make_config();
  DeclaredKeys once;  // refuses a key that is declared twice
  plugin.describe(config.get(), once);
  Declarations declarations;
  plugin.describe(config.get(), declarations);
  if (!declarations.problem.empty()) return {Verdict::broken, "recipe." + declarations.problem};
  size_t presets = 0;
  if (const Json* all = subject.library.presets.find("presets")) {
    for (const auto& [name, preset] : all->members()) {
      const std::string problem = preset_problem(subject, name, preset);
      if (!problem.empty()) return {Verdict::broken, "preset " + name + ": " + problem};
      ++presets;
    }
  }
  return {Verdict::holds, std::to_string(declarations.count) +
                              " keys have help and a default in their range; " +
                              std::to_string(presets) + " presets load"};
}

}  // namespace

const Law kKeysLaw{"keys", "every key is documented, every preset loads", examine_keys};

}  // namespace nearfar
