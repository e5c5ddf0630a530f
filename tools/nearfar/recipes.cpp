// `nearfar recipes`.
#include "framework/config/listing.h"
#include "framework/log/table.h"
#include "framework/recipe/library.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

Json to_document(const RecipeListing& listing) {
  Json document = Json::object();
  document["name"] = listing.name;
  document["summary"] = listing.summary;
  document["paper"] = listing.paper;
  document["path"] = listing.path;
  if (!listing.problem.empty()) document["problem"] = listing.problem;
  return document;
}

void show_all(Console& console) {
  Table table({"NAME", "SUMMARY", "PAPER"});
  Json document = Json::array();
  for (const RecipeListing& listing : list_recipes()) {
    table.add_row({listing.name,
                   listing.problem.empty() ? listing.summary : "does not load: " + listing.problem,
                   listing.paper});
    document.push_back(to_document(listing));
  }
  console.result(table.to_text(TableStyle::plain), document);
}

void show_one(const std::string& name, Console& console) {
  const RecipeLibrary library = open_recipe(name);
  const RecipePlugin& plugin = *library.plugin;
  RunConfig config = make_run_config(plugin);
  const Describe describe = [&config](Fields& field) { config.describe(field); };
  std::string text = std::string(plugin.name) + ": " + plugin.summary + "\n" + plugin.paper + "\n" +
                     library.path + "\n\npresets\n";
  if (const Json* presets = library.presets.find("presets")) {
    for (const auto& [preset, value] : presets->members()) {
      const Json* source = value.find("source");
      text += "  " + preset + (source == nullptr ? "" : ": " + source->as_string()) + "\n";
    }
  }
  text += "\n" + to_listing(describe, "recipe");
  Json document = to_document({plugin.name, library.path, plugin.summary, plugin.paper, ""});
  document["config"] = to_json(describe).at("recipe");
  document["presets"] = library.presets;
  console.result(text, document);
}

}  // namespace

std::string key_listing(const std::string& recipe) {
  RunConfig config = make_run_config(*open_recipe(recipe.empty() ? "simclr" : recipe).plugin);
  return "SETTINGS (key=value)\n" +
         to_listing([&config](Fields& field) { config.describe(field); });
}

int run_recipes(const RecipesArguments& arguments, Console& console) {
  arguments.name.empty() ? show_all(console) : show_one(arguments.name, console);
  return 0;
}

}  // namespace nearfar
