// `nearfar recipes`.
#include "distributed/group.h"
#include "framework/config/listing.h"
#include "framework/log/table.h"
#include "framework/recipe/library.h"
#include "framework/train/plan.h"
#include "tools/nearfar/commands.h"

namespace nearfar {
namespace {

Json to_document(const RecipeListing& listing) {
  Json document = Json::object();
  document["name"] = listing.name;
  document["summary"] = listing.summary;
  document["paper"] = listing.paper;
  document["source"] = listing.source;
  document["interface"] = listing.interface;
  document["path"] = listing.path;
  if (!listing.problem.empty()) document["problem"] = listing.problem;
  return document;
}

void show_all(Console& console) {
  Table table({"NAME", "SUMMARY", "PAPER", "SOURCE", "INTERFACE"});
  Json document = Json::array();
  for (const RecipeListing& listing : list_recipes()) {
    table.add_row({listing.name,
                   listing.problem.empty() ? listing.summary : "does not load: " + listing.problem,
                   listing.paper, listing.source == "built-in" ? listing.source : listing.path,
                   listing.interface});
    document.push_back(to_document(listing));
  }
  console.result(table.to_text(TableStyle::plain), document);
}

/// The views of the recipe with the config's settings, by a small one of its networks.
Json views_of(RunConfig config) {
  SoloGroup group;
  DatasetInfo data;
  data.size = config.train.batch;
  data.class_names = {"one", "two"};
  config.encoder.name = "tiny";
  TrainPlan plan;
  plan.batch = config.train.batch;
  plan.epochs = plan.steps = plan.steps_per_epoch = 1;
  plan.norm = {plan.batch, &group};
  Json views = Json::array();
  for (ViewPolicy view : build_recipe(config, data, plan, group)->views()) {
    views.push_back(to_json([&view](Fields& field) { view.describe(field); }));
  }
  return views;
}

std::string preset_lines(const Json& presets) {
  const Json* list = presets.find("presets");
  if (list == nullptr || list->members().empty()) return "  none\n";
  std::string text;
  for (const auto& [preset, value] : list->members()) {
    const Json* source = value.find("source");
    text += "  " + preset + (source == nullptr ? "" : ": " + source->as_string()) + "\n";
  }
  return text;
}

std::string view_lines(const Json& views) {
  std::string text;
  for (const Json& view : views.items()) {
    std::string line;
    for (const auto& [key, value] : view.members()) {
      line += (line.empty() ? "" : " ") + key + "=" + to_text(value, -1);
    }
    text += "  " + line + "\n";
  }
  return text;
}

void show_one(const std::string& name, Console& console) {
  const RecipeLibrary library = open_recipe(name);
  const RecipeListing listing = describe_recipe(library);
  RunConfig config = make_run_config(*library.plugin);
  const Describe describe = [&config](Fields& field) { config.describe(field); };
  const Json views = views_of(config);
  Json document = to_document(listing);
  document["config"] = to_json(describe).at("recipe");
  document["keys"] = key_documents(describe, "recipe");
  document["presets"] = library.presets;
  document["views"] = views;
  console.result(listing.name + ": " + listing.summary + "\n" + listing.paper + "\n" +
                     listing.source + ", interface " + listing.interface + ": " + listing.path +
                     "\n\npresets\n" + preset_lines(library.presets) +
                     "\nviews of an image, by the defaults\n" + view_lines(views) + "\n" +
                     to_listing(describe, "recipe"),
                 document);
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
